import FrontDoors
import KeyCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Primitives

@Suite("Google EKM bodies") struct EKMBodyTests {
    static let name = "projects/acme/locations/europe-west3/keyRings/r/cryptoKeys/k/cryptoKeyVersions/4"

    @Test("EKM-10 names in camelCase, snake_case and PascalCase are read, and null is absent", arguments: [
        #""additionalContext":{"relativeResourceName":"\#(name)","isKeyHealthCheck":true}"#,
        #""additional_context":{"relative_resource_name":"\#(name)","is_key_health_check":true}"#,
        #""AdditionalContext":{"RelativeResourceName":"\#(name)","IsKeyHealthCheck":true}"#,
        #""additionalContext":{"relativeResourceName":"\#(name)","isKeyHealthCheck":true,"is_key_health_check":null}"#,
        #""additional\u0043ontext":{"relativ\u0065ResourceName":"\#(name)","\u0069sKeyHealthCheck":true}"#,
    ])
    func spellings(context: String) async throws {
        let ekm = try await EKMFixture()
        #expect(try await ekm.call("wrap", #"{"plaintext":"ZGVr",\#(context)}"#).status == 200)
        let record = try #require(ekm.audit.records.last)
        #expect(record.resource == Self.name && record.project == "acme" && record.isHealthCheck)
    }

    @Test("EKM-10 the payload and the AAD have three spellings too")
    func payloads() async throws {
        let ekm = try await EKMFixture()
        for aad in ["additionalAuthenticatedData", "additional_authenticated_data", "AdditionalAuthenticatedData"] {
            let blob = try #require(try await ekm.call("wrap", #"{"Plaintext":"ZGVr","\#(aad)":"YQ=="}"#)["wrappedBlob"])
            for name in ["wrappedBlob", "wrapped_blob", "WrappedBlob"] {
                let reply = try await ekm.call("unwrap", #"{"\#(name)":"\#(blob)","additionalAuthenticatedData":"YQ"}"#)
                #expect(reply.bytes("plaintext") == Array("dek".utf8))
            }
        }
    }

    @Test("EKM-11 unknown fields are ignored, whatever they hold", arguments: [
        #""x":1"#, #""x":null"#, #""x":[[],{},"a",-1.5e3,true]"#, #""x":{"plaintext":"eA=="}"#, #""additionalContext":{"x":{"reason":5},"y":[1]}"#,
        #""plaintexts":"eA==""#, #""pläintext":"eA==""#, #""":"""#,
    ])
    func unknown(field: String) async throws {
        let ekm = try await EKMFixture()
        let reply = try await ekm.call("wrap", #"{"plaintext":"ZGVr",\#(field)}"#)
        #expect(try await ekm.unwrap(try #require(reply.bytes("wrappedBlob"))).bytes("plaintext") == Array("dek".utf8))
    }

    @Test("EKM-11 what is no JSON object, truncated, or has a field twice gives 400 code 3", arguments: [
        "", " ", "[]", #"[{"plaintext":"ZGVr"}]"#, "null", "1", #""ZGVr""#, #"{"plaintext":"ZGVr""#, #"{"plaintext":"ZGVr"#, "{",
        #"{"plaintext":"ZGVr"}{}"#, #"{"plaintext":"ZGVr"} x"#, #"{"plaintext":"ZGVr",}"#, #"{,"plaintext":"ZGVr"}"#, #"{'plaintext':'ZGVr'}"#,
        #"{"plaintext":"ZGVr","Plaintext":"ZGVr"}"#, #"{"plaintext":"ZGVr","plaintext":"ZGVr"}"#, #"{"plaintext":"ZGVr","plain\u0074ext":"eA=="}"#,
        #"{"plaintext":"ZGVr","additionalContext":{},"additional_context":{}}"#, #"{"plaintext":"ZGVr","\q":1}"#, "\u{FEFF}{\"plaintext\":\"ZGVr\"}",
        #"{"plaintext":"ZGVr","additionalContext":{"accessReasonContext":{"reason":5,"Reason":6}}}"#,
        #"{"plaintext":"ZGVr","additionalContext":{"relativeResourceName":"a","relative_resource_name":"b"}}"#,
        #"{"plaintext":"ZGVr","additionalAuthenticatedData":"","additional_authenticated_data":"YQ=="}"#,
        #"{"plaintext":["ZGVr"]}"#, #"{"plaintext":1}"#, #"{"plaintext":{}}"#, #"{"plaintext":true}"#,
        #"{"plaintext":"ZGVr","additionalContext":[]}"#, #"{"plaintext":"ZGVr","additionalContext":{"isKeyHealthCheck":"true"}}"#,
        #"{"plaintext":"ZGVr","additionalContext":{"accessReasonContext":5}}"#, #"{"plaintext":"ZGVr","additionalContext":{"relativeResourceName":5}}"#,
        #"{"plaintext":"ZGVr","additionalContext":{"accessReasonContext":{"reason":5.5}}}"#, #"{"plaintext":"ZGVr","additionalContext":{"accessReasonContext":{"reason":true}}}"#,
        #"{"plaintext":"ZGVr","x":"# + String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000) + "}",
        "plaintext=ZGVr", "{\"plaintext\":\"ZGVr\",\"x\":\"\u{1}\"}", #"{"plaintext":"ZGVr","x":01}"#, #"{"plaintext":"ZGVr","x":NaN}"#,
    ])
    func malformed(body: String) async throws {
        let ekm = try await EKMFixture()
        let reply = try await ekm.call("wrap", body)
        #expect(reply.status == 400 && reply.code == 3, "\(body.prefix(80))")
        #expect(reply.message?.isEmpty == false && reply.fields.first?.hasPrefix("google.cloud.ekms.v0.WrapRequest") == true)
        #expect(ekm.audit.records.last?.outcome == .failed && ekm.audit.records.last?.cause == "invalid-argument")
    }

    @Test("a key path in the body must agree with the URL's; another key's is refused with 400")
    func keyPath() async throws {
        let ekm = try await EKMFixture()
        let last = try #require(ekm.path.split(separator: "/").last)
        for path in [ekm.path, "/\(ekm.path)", String(last), "endpoints/\(last)", ""] {
            #expect(try await ekm.wrap(more: #","keyPath":"\#(path)""#).status == 200, "\(path)")
        }
        #expect(try await ekm.wrap(more: #","keyPath":"ekm/endpoints/\#(last)","keyUriPrefix":"https://ekm.example.com/v0/""#).status == 200)
        for path in ["v0/ekm/endpoints/other", "other", "s/\(last.dropFirst())", "/", "\(ekm.path)/", "x\(ekm.path)"] {
            let reply = try await ekm.wrap(more: #","key_path":"\#(path)""#)
            #expect(reply.status == 400 && reply.fields == ["google.cloud.ekms.v0.WrapRequest.key_path"], "\(path)")
        }
    }

    @Test("a Content-Type other than application/json gives 400; parameters and absence are fine")
    func contentType() async throws {
        let ekm = try await EKMFixture()
        let token = try ekm.token.signed(by: try EKMTestIssuer.google.get())
        for (type, status) in [
            ("application/json; charset=utf-8", 200), ("Application/JSON", 200), ("application/json ;x=y", 200), ("text/plain", 400),
            ("application/jsonp", 400), ("application/x-www-form-urlencoded", 400), ("multipart/form-data; boundary=application/json", 400), ("", 400),
        ] {
            let reply = try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: token, headers: ["Content-Type": type])
            #expect(reply.status == status, "\(type)")
        }
    }

    @Test("a project outside the endpoint's list is refused with 403; so is a request that names none")
    func projects() async throws {
        var options = EKMFixture.Options()
        options.allowedProjects = ["acme"]
        let ekm = try await EKMFixture(options)
        for (name, status) in [
            ("projects/acme/locations/x", 200), ("projects/acme", 200), ("projects/acme2/x", 403), ("projects/acm", 403), ("projects//x", 403),
            ("projects/Acme/x", 403), ("xprojects/acme/x", 403), ("/projects/acme/x", 403), ("", 403),
        ] {
            #expect(try await ekm.wrap(more: #","additionalContext":{"relativeResourceName":"\#(name)"}"#).status == status, "\(name)")
        }
        #expect(try await ekm.wrap(more: #","additionalContext":{"fullResourceName":"projects/acme/x"}"#).status == 403)
        #expect(ekm.audit.records.last?.cause == "project" && ekm.audit.records.last?.outcome == .refused)
    }
}
