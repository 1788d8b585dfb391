import FrontDoors
import KeyCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Primitives

@Suite("Google EKM wrap and unwrap") struct EKMWrapTests {
    @Test("EKM-1 wrap of {\"plaintext\":\"ZGVr\"} gives 200, JSON with wrappedBlob alone, in padded standard base64")
    func wrap() async throws {
        let ekm = try await EKMFixture()
        for length in 1...6 {
            let reply = try await ekm.wrap([UInt8](repeating: 0xFB, count: length))
            #expect(reply.status == 200)
            #expect(reply.header("content-type") == "application/json")
            #expect(reply.json?.object?.map(\.name) == ["wrappedBlob"])
            let text = try #require(reply["wrappedBlob"])
            let blob = try #require(reply.bytes("wrappedBlob"))
            #expect(text == Base64.string(blob) && text.utf8.count % 4 == 0 && blob.count == length + 64)
        }
        #expect(try await ekm.call("wrap", #"{"plaintext":"ZGVr"}"#).status == 200)
    }

    @Test("EKM-2 unwrap gives 200 and the same bytes in plaintext, no other field")
    func unwrap() async throws {
        let ekm = try await EKMFixture()
        for dek in [[0], Array("dek".utf8), [UInt8](0...255), [UInt8](repeating: 0xFF, count: 32)] {
            let reply = try await ekm.unwrap(try await ekm.blob(dek, aad: [1, 2]), aad: [1, 2])
            #expect(reply.status == 200)
            #expect(reply.json?.object?.map(\.name) == ["plaintext"])
            #expect(reply.bytes("plaintext") == dek)
        }
    }

    @Test("EKM-3 two wraps of one plaintext differ; both unwrap")
    func fresh() async throws {
        let ekm = try await EKMFixture()
        let (a, b) = (try await ekm.blob(), try await ekm.blob())
        #expect(a != b)
        for blob in [a, b] { #expect(try await ekm.unwrap(blob).bytes("plaintext") == Array("dek".utf8)) }
    }

    @Test("EKM-4 unwrap with other AAD, or without, gives 400 code 3 and no plaintext")
    func aad() async throws {
        let ekm = try await EKMFixture()
        let blob = try await ekm.blob(aad: Array("a".utf8))
        let other: [[UInt8]?] = [Array("b".utf8), nil, [], Array("aa".utf8), [0x61, 0]]
        for aad in other {
            let reply = try await ekm.unwrap(blob, aad: aad)
            #expect(reply.status == 400 && reply.code == 3 && reply["plaintext"] == nil)
        }
        #expect(try await ekm.unwrap(blob, aad: Array("a".utf8)).status == 200)
    }

    @Test("EKM-5 absent and empty AAD are the same, in both directions")
    func emptyAAD() async throws {
        let ekm = try await EKMFixture()
        for wrapped in [nil, []] as [[UInt8]?] {
            for asked in [nil, []] as [[UInt8]?] {
                #expect(try await ekm.unwrap(try await ekm.blob(aad: wrapped), aad: asked).status == 200)
            }
        }
        #expect(try await ekm.unwrap(try await ekm.blob(), more: #","additionalAuthenticatedData":null"#).status == 200)
    }

    @Test("EKM-6 one changed bit anywhere in the blob gives 400 code 3 and no plaintext")
    func bits() async throws {
        let ekm = try await EKMFixture()
        let blob = try await ekm.blob()
        for bit in 0..<blob.count * 8 {
            var changed = blob
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            let reply = try await ekm.unwrap(changed)
            #expect(reply.status == 400 && reply.code == 3 && reply["plaintext"] == nil, "bit \(bit): \(reply.status)")
        }
    }

    @Test("EKM-7 a plaintext of 66,048 bytes with 65,536 bytes of AAD is wrapped; 64 bytes more come back")
    func large() async throws {
        let ekm = try await EKMFixture()
        let (dek, aad) = ([UInt8](repeating: 7, count: 65_536 + 512), [UInt8](repeating: 8, count: 65_536))
        let blob = try await ekm.blob(dek, aad: aad)
        #expect(blob.count == dek.count + 64)
        #expect(try await ekm.unwrap(blob, aad: aad).bytes("plaintext") == dek)
    }

    @Test("EKM-8 both base64 alphabets, padded or not, are accepted")
    func alphabets() async throws {
        let ekm = try await EKMFixture()
        for (text, bytes) in [("+/8=", [0xFB, 0xFF]), ("-_8=", [0xFB, 0xFF]), ("+/8", [0xFB, 0xFF]), ("-_8", [0xFB, 0xFF]), (#"+\/8="#, [0xFB, 0xFF])] as [(String, [UInt8])] {
            let reply = try await ekm.call("wrap", #"{"plaintext":"\#(text)","additionalAuthenticatedData":"\#(text)"}"#)
            #expect(reply.status == 200, "\(text)")
            let blob = Base64.urlEncoded(try #require(reply.bytes("wrappedBlob")))
            let back = try await ekm.call("unwrap", #"{"wrappedBlob":"\#(blob)","additionalAuthenticatedData":"\#(text)"}"#)
            #expect(back.bytes("plaintext") == bytes)
        }
    }

    @Test("EKM-8 garbage instead of base64 gives 400 code 3", arguments: [
        "Z", "ZGVr=", "Z===", "=", "====", "ZG Vr", "ZGVr\\n", "ZGVr!", "ZÄVr", "\\u0000", "ZG=r", "*", "=ZGVr", "ZGVr====",
    ])
    func garbage(text: String) async throws {
        let ekm = try await EKMFixture()
        for body in [#"{"plaintext":"\#(text)"}"#, #"{"plaintext":"ZGVr","additionalAuthenticatedData":"\#(text)"}"#] {
            let reply = try await ekm.call("wrap", body)
            #expect(reply.status == 400 && reply.code == 3, "\(body)")
        }
        #expect(try await ekm.call("unwrap", #"{"wrappedBlob":"\#(text)"}"#).status == 400)
    }

    @Test("EKM-9 an empty or missing payload gives 400 code 3 with a BadRequest detail that names the field", arguments: [
        "{}", #"{"plaintext":"","wrappedBlob":""}"#, #"{"plaintext":null,"wrappedBlob":null}"#, #"{"other":"ZGVr"}"#,
    ])
    func empty(body: String) async throws {
        let ekm = try await EKMFixture()
        for (method, field) in [("wrap", "google.cloud.ekms.v0.WrapRequest.plaintext"), ("unwrap", "google.cloud.ekms.v0.UnwrapRequest.wrapped_blob")] {
            let reply = try await ekm.call(method, body)
            #expect(reply.status == 400 && reply.code == 3)
            #expect(reply.fields == [field])
            #expect(reply.json?["details"]?.array?.first?["@type"]?.string == "type.googleapis.com/google.rpc.BadRequest")
        }
    }

    @Test("EKM-33 allowedCacheDuration is absent from unwrap's answer")
    func cacheDuration() async throws {
        let ekm = try await EKMFixture()
        let reply = try await ekm.unwrap(try await ekm.blob())
        #expect(reply.status == 200)
        #expect(!String(decoding: reply.body, as: UTF8.self).contains("llowed"))
    }

    @Test("EKM-54 every answer has Cache-Control: no-store and no CORS header")
    func headers() async throws {
        let ekm = try await EKMFixture()
        let replies = [
            try await ekm.wrap(), try await ekm.unwrap(try await ekm.blob()), try await ekm.unwrap([1, 2, 3]),
            try await ekm.call("\(ekm.path):wrap", "{}", token: nil, headers: ["Origin": "https://example.com"]),
            try await ekm.call("\(ekm.path):wrap", "", token: nil, method: .OPTIONS, headers: ["Origin": "https://example.com"]),
            try await ekm.call("a//b", "", token: nil), try await ekm.call("healthz", "", token: nil, method: .GET),
            try await ekm.call("\(ekm.path):asymmetricSign", "{}", token: nil), try await ekm.call("nothing", "", token: nil),
        ]
        for reply in replies {
            #expect(reply.header("cache-control") == "no-store")
            #expect(!reply.headers.contains { $0.name.lowercased().hasPrefix("access-control-") })
        }
    }
}
