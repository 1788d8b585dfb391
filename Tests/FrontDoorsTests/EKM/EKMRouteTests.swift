import FrontDoors
import KeyCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Primitives

@Suite("Google EKM routes") struct EKMRouteTests {
    @Test("EKM-12 key paths of several segments route; the last colon of the last segment decides")
    func segments() async throws {
        var options = EKMFixture.Options()
        options.path = "v0/some/key/path.of-many_~segments"
        let ekm = try await EKMFixture(options)
        #expect(try await ekm.wrap().status == 200)
        for target in ["v0/some/key/path.of-many_~segments:x:wrap", "v0/so:me/key/path.of-many_~segments:wrap", "path.of-many_~segments:wrap"] {
            #expect(try await ekm.call(target, "{}", token: try ekm.token.signed(by: try EKMTestIssuer.google.get())).status == 404, "\(target)")
        }
        #expect(try await ekm.call("wrap", #"{"plaintext":"ZGVr"}"#, path: "v0/some/key").status == 404)
        #expect(try await ekm.call("v0/some/key/path.of-many_~segments:wrap?x=:unwrap", #"{"plaintext":"ZGVr"}"#, token: try ekm.token.signed(by: try EKMTestIssuer.google.get())).status == 200)
    }

    @Test("EKM-12 %3Awrap is no method", arguments: ["%3Awrap", "%3awrap", "%253Awrap", ":wra%70", ":WRAP", ": wrap", ":wrap ", ":wrap/", "", ":"])
    func encodedColon(suffix: String) async throws {
        let ekm = try await EKMFixture()
        let token = try ekm.token.signed(by: try EKMTestIssuer.google.get())
        let reply = try await ekm.call(ekm.path + suffix, #"{"plaintext":"ZGVr"}"#, token: token)
        #expect(reply.status == 404 || reply.status == 400, "\(reply.status)")
        #expect(reply["wrappedBlob"] == nil)
    }

    @Test("EKM-13 any verb but POST on a method gives 405 with Allow", arguments: [HTTPMethod.GET, .PUT, .DELETE, .HEAD, .PATCH, .OPTIONS, .TRACE])
    func verbs(verb: HTTPMethod) async throws {
        let ekm = try await EKMFixture()
        let reply = try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: try ekm.token.signed(by: try EKMTestIssuer.google.get()), method: verb)
        #expect(reply.status == 405 && reply.header("allow") == "POST" && reply.code == 12)
    }

    @Test("EKM-13 an unknown suffix gives 404, a known one that is not served 501, and each error body is a google.rpc.Status")
    func errors() async throws {
        let ekm = try await EKMFixture()
        let token = try ekm.token.signed(by: try EKMTestIssuer.google.get())
        var replies = [
            (404, 5, try await ekm.call("\(ekm.path):frobnicate", "{}", token: token)), (404, 5, try await ekm.call("", "", token: token, method: .GET)),
            (404, 5, try await ekm.call("favicon.ico", "", token: nil, method: .GET)), (405, 12, try await ekm.call("\(ekm.path):wrap", "", token: token, method: .GET)),
            (400, 3, try await ekm.call("wrap", "[]")), (401, 16, try await ekm.call("\(ekm.path):wrap", "{}", token: nil)),
            (404, 5, try await ekm.call("v0/ekm/endpoints/none:wrap", "{}", token: token)), (400, 3, try await ekm.call("a/../b:wrap", "{}", token: token)),
            (403, 7, try await ekm.call("\(ekm.path):wrap", "{}", token: try ekm.token.with(["email": #""x@example.com""#]).signed(by: try EKMTestIssuer.google.get()))),
        ]
        for method in ["asymmetricSign", "getPublicKey", "createKey", "destroyKey", "checkCryptoSpacePermissions", "confidentialwrap", "confidentialunwrap"] {
            replies.append((501, 12, try await ekm.call(method, "{}")))
            #expect(try await ekm.call("\(ekm.path):\(method)", "{}", token: nil).status == 401)
        }
        for (status, code, reply) in replies {
            #expect(reply.status == status && reply.code == Int64(code), "\(String(decoding: reply.body, as: UTF8.self))")
            let names = Set((reply.json?.object ?? []).map(\.name))
            #expect(names.isSubset(of: ["code", "message", "details"]) && reply.message?.isEmpty == false)
            #expect(reply.header("content-type") == "application/json")
        }
    }

    @Test("EKM-24 unknown and malformed key ids give 404 code 5 to whom we know, 401 to others", arguments: [
        "v0/ekm/endpoints/0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77", "v0/ekm/endpoints/not-a-uuid", "v0/ekm/endpoints/1", "x",
        "v0/ekm/endpoints/%C3%A4", "v0/ekm/endpoints/'+OR+1=1--",
    ])
    func unknownKeys(path: String) async throws {
        let ekm = try await EKMFixture()
        let known = try await ekm.call("wrap", #"{"plaintext":"ZGVr"}"#, path: path)
        #expect(known.status == 404 && known.code == 5)
        for token in [nil, "x", try ekm.token.signed(by: try EKMTestIssuer.stranger.get())] {
            #expect(try await ekm.call("\(path):wrap", #"{"plaintext":"ZGVr"}"#, token: token).status == 401)
        }
        #expect(ekm.audit.records.map(\.cause) == ["unknown-endpoint", "token-absent", "token-malformed", "token-signature"])
    }

    @Test("N36 dots, empty segments, semicolons, backslashes and their encodings reach nothing: 400", arguments: [
        "v0/../{}", "v0/./{}", "/{}", "v0//{}", "v0/%2e%2e/{}", "v0/%2E/{}", "v0/.%2e/{}", "{};x", "v0/;x/{}", "v0\\{}", "v0/%5c{}", "v0/%2f{}", "v0%2F{}",
        "v0/%00{}", "v0/%0a{}", "v0/%76%30/{}", "v0/%3b{}", "v0/%{}", "v0/%zz{}", "v0/%2", "{}#x", "v0/ä/{}", "v0/\u{7F}{}", "v0/x y/{}", "%2e%2e", "v0/{}/../x", "../{}", "./{}",
        "v0/\u{1}{}", "v0/%E0%80%AF/../x", "x/%2%65/{}",
    ])
    func paths(template: String) async throws {
        let ekm = try await EKMFixture()
        let target = template.replacing("{}", with: ekm.path)
        let reply = try await ekm.call("\(target):wrap", #"{"plaintext":"ZGVr"}"#, token: try ekm.token.signed(by: try EKMTestIssuer.google.get()))
        #expect(reply.status == 400, "\(target)")
        #expect(ekm.audit.records.isEmpty, "nobody's key was touched")
    }

    @Test("N36 only origin-form targets are taken", arguments: ["*", "https://ekm.example.com/x:wrap", "ekm.example.com:443", "", "x:wrap"])
    func targets(target: String) { #expect(RequestPath(target: target) == nil) }

    @Test("N36 a path stays as it stood: nothing is decoded, and the query is apart")
    func pathText() throws {
        #expect(RequestPath(target: "/a/b:c%3Ad?e=/../f")?.text == "a/b:c%3Ad")
        #expect(RequestPath(target: "/a?b?c")?.query == "b?c")
        #expect(RequestPath(target: "/")?.text == "")
        #expect(RequestPath(target: "/" + String(repeating: "a", count: 4096)) == nil)
    }

    @Test("N55 whoever isn't known learns a status and nothing else")
    func health() async throws {
        let ekm = try await EKMFixture()
        for method in [HTTPMethod.GET, .HEAD, .POST] {
            let reply = try await ekm.call("healthz", "", token: nil, method: method)
            #expect(reply.status == 200 && reply.body == Array(#"{"status":"alive"}"#.utf8))
            #expect(Set(reply.headers.map { $0.name.lowercased() }) == ["content-type", "cache-control"])
        }
        #expect(try await ekm.call("readyz", "", token: nil, method: .GET).body == Array(#"{"status":"ready"}"#.utf8))
        for path in ["metrics", "status", "version", "server-info", "debug", ".well-known/external-key-manager/info", "v0/ekm/endpoints", "healthz/x", "Healthz"] {
            let reply = try await ekm.call(path, "", token: nil, method: .GET)
            #expect([401, 404, 405].contains(reply.status), "\(path): \(reply.status)")
            #expect((reply.json?.object ?? []).map(\.name) == ["code", "message"])
            #expect(!reply.headers.contains { $0.name.lowercased() == "server" })
        }
    }
}
