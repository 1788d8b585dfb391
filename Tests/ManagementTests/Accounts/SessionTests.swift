@testable import Management
import Foundation
import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("Sessions") struct SessionTests {
    @Test("N28: survive a restart, and die on signing out; their tokens are random and only hashed in the database")
    func restart() async throws {
        let fixture = try AccountFixture()
        let (_, token) = try await fixture.person("alice")
        let other = try await fixture.session("alice")
        #expect(token.dropFirst(3).count == 43 && token != other && token.commonPrefix(with: other).count < 10)
        let restarted = try AccountFixture(over: fixture.api.store)
        #expect(try await restarted.call("GET", "/api/v1/self", token: token).status == 200)
        let out = try await restarted.call("DELETE", "/api/v1/sessions/current", token: token)
        #expect(out.status == 204)
        #expect(try await fixture.call("GET", "/api/v1/self", token: token).status == 401)
        #expect(try await fixture.call("GET", "/api/v1/self", token: other).status == 200)
    }

    @Test("end when idle for an hour, and twelve hours after they began whatever happens")
    func expiry() async throws {
        let fixture = try AccountFixture()
        let (_, token) = try await fixture.person("alice")
        for _ in 0..<14 {
            fixture.clock.advance(by: .seconds(3000))
            #expect(try await fixture.call("GET", "/api/v1/self", token: token).status == 200)
        }
        fixture.clock.advance(by: .seconds(1300))
        #expect(try await fixture.call("GET", "/api/v1/self", token: token).status == 401)
        let idle = try await fixture.session("alice")
        fixture.clock.advance(by: .seconds(3600))
        #expect(try await fixture.call("GET", "/api/v1/self", token: idle).status == 401)
    }

    @Test("die with a reset of the password and with their user")
    func reset() async throws {
        let fixture = try AccountFixture()
        let (id, token) = try await fixture.person("alice")
        let reset = try await fixture.api.call("POST", "/api/v1/users/\(id)/reset-password")
        let password = try #require(reset["one_time_password"].string)
        #expect(try await fixture.call("GET", "/api/v1/self", token: token).status == 401)
        let again = try await fixture.signIn("alice", password)
        #expect(again["must_change_password"] == true)
        #expect(try await fixture.api.call("DELETE", "/api/v1/users/\(id)").status == 204)
        #expect(try await fixture.call("GET", "/api/v1/self", token: again["token"].string).status == 401)
    }

    @Test("as a cookie are for this host only, and change nothing unless the request comes from our own page")
    func cookies() async throws {
        let fixture = try AccountFixture()
        try await fixture.add("alice")
        let answer = try await fixture.signIn("alice", cookie: true)
        #expect(answer["token"] == .null)
        let header = try #require(answer.headers["set-cookie"])
        #expect(header.hasPrefix("__Host-holdfast=hs_"))
        for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] { #expect(header.contains("; \(attribute)")) }
        let cookie = String(header.prefix { $0 != ";" })
        #expect(try await fixture.call("GET", "/api/v1/self", headers: ["Cookie": "a=b; \(cookie)"]).status == 200)
        func change(_ headers: [String: String], name: String) async throws -> Int {
            try await fixture.call(
                "POST", "/api/v1/self/tokens", body: ["name": .string(name)], headers: headers.merging(["Cookie": cookie]) { $1 }).status
        }
        #expect(try await change([:], name: "a") == 403)
        #expect(try await change(["Sec-Fetch-Site": "cross-site"], name: "a") == 403)
        #expect(try await change(["Sec-Fetch-Site": "same-site"], name: "a") == 403)
        #expect(try await change(["Origin": "https://evil.example"], name: "a") == 403)
        #expect(try await change(["Origin": "null"], name: "a") == 403)
        #expect(try await change(["Sec-Fetch-Site": "cross-site", "Origin": "https://localhost"], name: "a") == 403)
        #expect(try await change(["Origin": "https://localhost"], name: "a") == 201)
        #expect(try await change(["Sec-Fetch-Site": "same-origin"], name: "b") == 201)
        // The same token as a header, or twice, is none.
        let token = String(cookie.dropFirst("__Host-holdfast=".count))
        #expect(try await fixture.call("GET", "/api/v1/self", token: token).status == 401)
        #expect(try await fixture.call("GET", "/api/v1/self", headers: ["Cookie": "\(cookie); \(cookie)"]).status == 401)
        let bearer = try await fixture.session("alice")
        #expect(try await fixture.call("GET", "/api/v1/self", headers: ["Cookie": "__Host-holdfast=\(bearer)"]).status == 401)
    }

    @Test("N40: by client certificate belong to that certificate: with another valid one, or none, they prove nobody")
    func certificates() async throws {
        let fixture = try AccountFixture()
        let (alice, _) = try await fixture.person("alice")
        let (bob, _) = try await fixture.person("bob")
        let (first, second) = (try await certificate("alice"), try await certificate("bob"))
        fixture.clock.advance(by: WallClock.system.now - fixture.clock.now + .seconds(5))
        #expect(try await fixture.call("GET", "/api/v1/self", certificate: first).status == 401)
        for (user, der) in [(alice, first), (bob, second)] {
            let body: JSONValue = ["certificates": [.string(Hex.string(Digest.sha256(der)))]]
            #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(user)", body: body).status == 200)
        }
        let caller = try await fixture.call("GET", "/api/v1/self", certificate: first)
        #expect(caller["name"].string == "user:alice" && caller["proof"].string == "certificate")
        for headers in [["Origin": "https://evil.example", "Host": "ours.example"], ["Sec-Fetch-Site": "cross-site"]] {
            let answer = try await fixture.call("PUT", "/api/v1/self/password", body: [:], headers: headers, certificate: first)
            #expect(answer.status == 403, "a browser presents the certificate for any page")
        }
        let session = try await fixture.call("POST", "/api/v1/sessions", body: [:], certificate: first)
        let token = try #require(session["token"].string)
        #expect(try await fixture.call("GET", "/api/v1/self", token: token, certificate: first)["name"].string == "user:alice")
        #expect(try await fixture.call("GET", "/api/v1/self", token: token, certificate: second).status == 401)
        #expect(try await fixture.call("GET", "/api/v1/self", token: token).status == 401)
        #expect(try await fixture.call("POST", "/api/v1/sessions", body: [:]).status == 400)
        let taken: JSONValue = ["certificates": [.string(Hex.string(Digest.sha256(first)))]]
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(bob)", body: taken).status == 409)
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(alice)", body: ["certificates": []]).status == 200)
        #expect(try await fixture.call("GET", "/api/v1/self", token: token, certificate: first).status == 401)
        fixture.clock.advance(by: .seconds(3 * 86_400))
        #expect(try await fixture.call("GET", "/api/v1/self", certificate: second).status == 401)  // expired
    }

    @Test("the header Authorization decides before cookie and certificate: a wrong one is not made good by them")
    func precedence() async throws {
        let fixture = try AccountFixture()
        try await fixture.add("alice")
        let cookie = try #require(try await fixture.signIn("alice", cookie: true).headers["set-cookie"]?.prefix { $0 != ";" })
        let answer = try await fixture.call("GET", "/api/v1/self", token: "hf_wrong", headers: ["Cookie": String(cookie)])
        #expect(answer.status == 401 && answer.headers["www-authenticate"] != nil)
    }

    private func certificate(_ name: String) async throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-certificate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let outcome = try await SpawnedTool.openssl.run([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=\(name)",
            "-keyout", folder + "/key.pem", "-out", folder + "/certificate.pem",
        ])
        #expect(outcome.status == 0, "\(outcome.text)")
        let pem = try #require(FileManager.default.contents(atPath: folder + "/certificate.pem"))
        return try #require(try Certificate.chain(pem: String(decoding: pem, as: UTF8.self)).first).der
    }
}
