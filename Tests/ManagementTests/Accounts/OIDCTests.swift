import Foundation
import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Signing in at an OpenID provider") struct OIDCTests {
    private static let redirect = "https://localhost/api/v1/sign-in/oidc/callback"

    /// A browser that has followed a provider's page.
    private struct Visit {
        let location: String
        let cookie: String
        var state: String { OIDCTests.parameter("state", of: location) }
    }

    private func fixture(_ road: OIDCRoad) throws -> AccountFixture {
        let fixture = try AccountFixture(oidc: { try await road.send($0) })
        fixture.clock.advance(by: WallClock.system.now - fixture.clock.now + .seconds(30))
        return fixture
    }

    private func add(_ peer: OIDCPeer, to fixture: AccountFixture, _ more: KeyValuePairs<String, JSONValue> = [:]) async throws -> String {
        let body: JSONValue = [
            "name": .string(peer.issuer), "issuer": .string(peer.issuer), "client_id": "holdfast", "client_secret": "s3cret & more",
            "redirect_uri": .string(OIDCTests.redirect),
        ]
        let answer = try await fixture.api.call("POST", "/api/v1/oidc-providers", body: body.adding(more))
        #expect(answer.status == 201 && !answer.text.contains("s3cret"))
        return try #require(answer["id"].string)
    }

    private func start(_ provider: String, _ fixture: AccountFixture, mode: String = "token") async throws -> Visit {
        let answer = try await fixture.call("GET", "/api/v1/sign-in/oidc/\(provider)/start?mode=\(mode)")
        #expect(answer.status == 302)
        let cookie = try #require(answer.headers["set-cookie"])
        #expect(cookie.contains("; HttpOnly") && cookie.contains("; Secure") && cookie.contains("; SameSite=Lax"))
        return Visit(location: try #require(answer.headers["location"]), cookie: String(cookie.prefix { $0 != ";" }))
    }

    private func finish(_ query: String, _ cookie: String?, _ fixture: AccountFixture) async throws -> TestAnswer {
        try await fixture.call("GET", "/api/v1/sign-in/oidc/callback?\(query)", headers: cookie.map { ["Cookie": $0] } ?? [:])
    }

    fileprivate static func parameter(_ name: String, of url: String) -> String {
        URLComponents(string: url)?.queryItems?.first { $0.name == name }?.value ?? ""
    }

    @Test("N21: works at each of several providers, for the user to whom (provider, subject) is bound, and for nobody else")
    func several() async throws {
        let (first, second) = (try await OIDCPeer.first.value, try await OIDCPeer.second.value)
        let road = OIDCRoad([first, second])
        let fixture = try fixture(road)
        let ids = [try await add(first, to: fixture), try await add(second, to: fixture)]
        let (alice, bob) = (try await fixture.add("alice"), try await fixture.add("bob"))
        // The same subject is somebody else at another provider.
        for (user, provider) in [(alice, ids[0]), (bob, ids[1])] {
            let identity: JSONValue = ["provider_id": .string(provider), "subject": "alice-at-provider"]
            #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(user)", body: ["identities": [identity]]).status == 200)
        }
        for (peer, id, name) in [(first, ids[0], "user:alice"), (second, ids[1], "user:bob")] {
            let visit = try await start(id, fixture)
            let answer = try await finish(try await peer.confirm(visit.location, as: "alice-at-provider"), visit.cookie, fixture)
            #expect(answer.status == 201)
            let token = try #require(answer["token"].string)
            #expect(try await fixture.call("GET", "/api/v1/self", token: token)["name"].string == name)
            let stranger = try await start(id, fixture)
            let refused = try await finish(try await peer.confirm(stranger.location, as: "bob-at-provider"), stranger.cookie, fixture)
            #expect(refused.status == 403)
        }
        let tokenRequests = road.requests.filter { $0.method == "POST" }
        #expect(tokenRequests.allSatisfy { String(decoding: $0.body, as: UTF8.self).contains("code_verifier=") })
        let pair = Base64.string(Array("holdfast:s3cret%20%26%20more".utf8))
        #expect(tokenRequests.allSatisfy { $0.headers.contains(HTTPClientHeader("Authorization", "Basic \(pair)")) })
    }

    @Test("sends state, nonce and the S256 challenge of the verifier that it later shows")
    func proof() async throws {
        let peer = try await OIDCPeer.first.value
        let road = OIDCRoad([peer])
        let fixture = try fixture(road)
        let visit = try await start(try await add(peer, to: fixture), fixture)
        #expect(OIDCTests.parameter("code_challenge_method", of: visit.location) == "S256")
        #expect(OIDCTests.parameter("response_type", of: visit.location) == "code")
        #expect(OIDCTests.parameter("nonce", of: visit.location).count == 43)
        _ = try await finish(try await peer.confirm(visit.location, as: "alice-at-provider"), visit.cookie, fixture)
        let body = String(decoding: try #require(road.requests.last { $0.method == "POST" }).body, as: UTF8.self)
        let verifier = OIDCTests.parameter("code_verifier", of: "https://x/?" + body)
        #expect(Base64.urlEncoded(Digest.sha256(Array(verifier.utf8))) == OIDCTests.parameter("code_challenge", of: visit.location))
        #expect(!visit.location.contains(verifier) && !visit.cookie.contains(verifier))
    }

    @Test("an address counts only if the provider calls it verified and is trusted with that; disabled users and providers don't")
    func emails() async throws {
        let peer = try await OIDCPeer.first.value
        let fixture = try fixture(OIDCRoad([peer]))
        let id = try await add(peer, to: fixture)
        let alice = try await fixture.add("alice"), bob = try await fixture.add("bob")
        for (user, address) in [(alice, "ALICE@example.com"), (bob, "bob@example.com")] {
            #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(user)", body: ["email": .string(address)]).status == 200)
        }
        func status(_ subject: String) async throws -> Int {
            let visit = try await start(id, fixture)
            return try await finish(try await peer.confirm(visit.location, as: subject), visit.cookie, fixture).status
        }
        #expect(try await status("alice-at-provider") == 403)
        #expect(try await fixture.api.call("PATCH", "/api/v1/oidc-providers/\(id)", body: ["matches_email": true]).status == 200)
        #expect(try await status("alice-at-provider") == 201)
        #expect(try await status("bob-at-provider") == 403)
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(alice)", body: ["enabled": false]).status == 200)
        #expect(try await status("alice-at-provider") == 403)
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(alice)", body: ["enabled": true]).status == 200)
        let visit = try await start(id, fixture)
        let query = try await peer.confirm(visit.location, as: "alice-at-provider")
        #expect(try await fixture.api.call("PATCH", "/api/v1/oidc-providers/\(id)", body: ["enabled": false]).status == 200)
        #expect(try await finish(query, visit.cookie, fixture).status == 401)
        #expect(try await fixture.call("GET", "/api/v1/sign-in/oidc/\(id)/start").status == 404)
    }

    @Test("N41: the callback gives nothing to a browser that has not begun, and repeats nothing of what it was sent")
    func callback() async throws {
        let peer = try await OIDCPeer.first.value
        let fixture = try fixture(OIDCRoad([peer]))
        let id = try await add(peer, to: fixture)
        let user = try await fixture.add("alice")
        let identity: JSONValue = ["provider_id": .string(id), "subject": "alice-at-provider"]
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(user)", body: ["identities": [identity]]).status == 200)
        let (visit, other) = (try await start(id, fixture), try await start(id, fixture))
        let query = try await peer.confirm(visit.location, as: "alice-at-provider")
        let code = OIDCTests.parameter("code", of: "https://x/?" + query)
        #expect(try await finish(query, nil, fixture).status == 400)
        #expect(try await finish(query, other.cookie, fixture).status == 400)  // another browser: forced sign-in
        #expect(try await finish("code=\(code)", visit.cookie, fixture).status == 400)
        #expect(try await finish("code=\(code)&state=\(other.state)", visit.cookie, fixture).status == 400)
        #expect(try await finish("code=\(code)&state=\(other.state)", other.cookie, fixture).status == 401)  // a stolen code: other verifier and nonce
        let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E"
        for query in ["error=\(script)&state=\(visit.state)", "code=\(script)&state=\(script)", "error=\(script)&error_description=\(script)"] {
            let answer = try await finish(query, visit.cookie, fixture)
            #expect(answer.status >= 400 && !answer.text.contains("<") && answer.headers["content-type"] == "application/problem+json")
        }
        let again = try await start(id, fixture, mode: "cookie")
        let page = try await finish(try await peer.confirm(again.location, as: "alice-at-provider"), again.cookie, fixture)
        #expect(page.status == 200 && !page.text.contains("hs_") && page.headers["content-security-policy"] != nil)
        let session = try #require(page.headers["set-cookie"]?.firstMatch(of: /__Host-holdfast=hs_[A-Za-z0-9_-]+/))
        #expect(try await fixture.call("GET", "/api/v1/self", headers: ["Cookie": String(session.output)])["name"].string == "user:alice")
        let late = try await start(id, fixture)
        let lateQuery = try await peer.confirm(late.location, as: "alice-at-provider")
        fixture.clock.advance(by: .seconds(601))
        #expect(try await finish(lateQuery, late.cookie, fixture).status == 400)
    }

    @Test("N43: an id_token that the provider has not made for this sign-in is refused", arguments: [
        "own key", "none", "other nonce", "other audience", "other issuer", "expired", "no nonce", "many audiences",
    ])
    func selfMade(fault: String) async throws {
        let peer = try await OIDCPeer.first.value
        let road = OIDCRoad([peer])
        let fixture = try fixture(road)
        let id = try await add(peer, to: fixture)
        let user = try await fixture.add("alice")
        let identity: JSONValue = ["provider_id": .string(id), "subject": "alice-at-provider"]
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(user)", body: ["identities": [identity]]).status == 200)
        let visit = try await start(id, fixture)
        let query = try await peer.confirm(visit.location, as: "alice-at-provider")
        let key = try PrivateKey.generate(.rsa(bits: 2048))
        let now = fixture.clock.now.seconds
        let nonce = OIDCTests.parameter("nonce", of: visit.location)
        func token(by fault: String) throws -> String {
            var claims: [(name: String, value: JSONValue)] = [
                ("iss", .string(fault == "other issuer" ? "https://evil.example" : peer.issuer)), ("sub", "alice-at-provider"),
                ("aud", fault == "other audience" ? "somebody" : fault == "many audiences" ? ["holdfast", "somebody"] : "holdfast"),
                ("iat", .integer(now - 7200)), ("exp", .integer(fault == "expired" ? now - 3600 : now + 3600)),
            ]
            if fault != "no nonce" { claims.append(("nonce", .string(fault == "other nonce" ? "x" : nonce))) }
            if fault == "none" {
                return Base64.urlEncoded(Array(#"{"alg":"none"}"#.utf8)) + "." + Base64.urlEncoded(JSONValue.object(claims).json) + "."
            }
            return try TokenMinter.mint(
                claims: String(decoding: JSONValue.object(claims).json, as: UTF8.self), algorithm: .rs256, keyID: "k1",
                privateKeyPEM: try key.pkcs8PEM())
        }
        let jwk: JSONValue = .object((try key.publicKey.jwk()?.members ?? []).map { ($0.0, .string($0.1)) } + [("kid", "k1"), ("alg", "RS256")])
        let keySet: [UInt8] = (["keys": [jwk]] as JSONValue).json
        let made = try token(by: fault), good = try token(by: "")
        // For all but the first, the provider's published key is the one that signs: only the named fault is left.
        @Sendable func change(answering token: String, publishing: Bool) -> OIDCRoad.Change {
            { request in
                if request.url.hasSuffix("/oauth2/token") { return (200, (["id_token": .string(token)] as JSONValue).json) }
                return publishing && request.url.hasSuffix("/jwks") ? (200, keySet) : nil
            }
        }
        road.answers(change(answering: made, publishing: fault != "own key"))
        #expect(try await finish(query, visit.cookie, fixture).status == 401)
        road.answers(change(answering: good, publishing: true))
        #expect(try await finish(query, visit.cookie, fixture).status == 201)
    }

    @Test("N21: when its configuration or keys fail or aren't as they must be, a provider lets nobody in", arguments: [
        ("/.well-known/openid-configuration", 500, "{}"), ("/.well-known/openid-configuration", 200, "not json"),
        ("/.well-known/openid-configuration", 200, #"{"issuer":"https://evil.example"}"#), ("/jwks", 500, "{}"), ("/jwks", 200, #"{"keys":[]}"#),
        ("/.well-known/openid-configuration", 404, "{}"), ("/oauth2/token", 500, "{}"), ("/oauth2/token", 302, "{}"),
    ])
    func failing(path: String, status: Int, body: String) async throws {
        let peer = try await OIDCPeer.first.value
        let road = OIDCRoad([peer])
        let fixture = try fixture(road)
        let id = try await add(peer, to: fixture)
        let user = try await fixture.add("alice")
        let identity: JSONValue = ["provider_id": .string(id), "subject": "alice-at-provider"]
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(user)", body: ["identities": [identity]]).status == 200)
        let visit = try await start(id, fixture)
        let query = try await peer.confirm(visit.location, as: "alice-at-provider")
        if path.hasPrefix("/.well-known") { fixture.clock.advance(by: OIDCMemory.lifetime) }
        road.answers { $0.url.hasSuffix(path) ? (status, Array(body.utf8)) : nil }
        #expect(try await finish(query, visit.cookie, fixture).status == 503)
        if path.hasPrefix("/.well-known") { #expect(try await fixture.call("GET", "/api/v1/sign-in/oidc/\(id)/start").status == 503) }
        #expect(try await fixture.api.call("GET", "/api/v1/user-sessions")["total"] == 0)
        road.answers(nil)
        let again = try await start(id, fixture)
        #expect(try await finish(try await peer.confirm(again.location, as: "alice-at-provider"), again.cookie, fixture).status == 201)
    }

    @Test("only who holds everything that anybody holds may add or redirect a provider; its secret is sealed")
    func privilege() async throws {
        let fixture = try AccountFixture()
        let (_, clerk) = try await fixture.person("clerk", in: [.userAdmins])
        let body: JSONValue = [
            "name": "p", "issuer": "https://idp.example", "client_id": "c", "client_secret": "canary-9f8e7d", "redirect_uri": .string(OIDCTests.redirect),
        ]
        try await fixture.add("worker", to: [.users])
        #expect(try await fixture.call("POST", "/api/v1/oidc-providers", body: body, token: clerk).status == 403)
        let made = try await fixture.api.call("POST", "/api/v1/oidc-providers", body: body)
        #expect(made.status == 201)
        let path = try #require(made.headers["location"])
        for change in [["issuer": "https://evil.example"], ["client_secret": "x"], ["matches_email": true]] as [JSONValue] {
            #expect(try await fixture.call("PATCH", path, body: change, token: clerk).status == 403)
        }
        #expect(try await fixture.call("PATCH", path, body: ["enabled": false], token: clerk).status == 200)
        #expect(try fixture.api.store.files(holding: Array("canary-9f8e7d".utf8)) == [])
        for issuer in ["http://idp.example", "https://u:p@idp.example", "https://idp.example/?a=b", "https://", "ftp://x"] {
            let answer = try await fixture.api.call("PATCH", path, body: ["issuer": .string(issuer)])
            #expect(answer.status == 400)
        }
        #expect(try await fixture.api.call("DELETE", path).status == 204)
    }
}
