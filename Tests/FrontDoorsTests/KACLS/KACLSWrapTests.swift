import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("KACLS wrap and unwrap") struct KACLSWrapTests {
    @Test("CSE-16 what was wrapped comes back unchanged, for data keys of any length up to 128 bytes")
    func roundTrip() async throws {
        try await withSite { (site) async throws in
            for count in [1, 16, 32, 34, 64, 128] {
                let dek = try RandomBytes.generate(count)
                let wrapped = try await site.wrap(dek)
                #expect(wrapped.status == 200)
                #expect(wrapped.header("content-type") == "application/json")
                let reply = try await site.unwrap(try #require(wrapped["wrapped_key"]))
                #expect(reply.status == 200)
                #expect(reply.bytes("key") == dek)
            }
        }
    }

    @Test("CSE-17 a data key of 129 bytes, an empty one and bad base64 are 400, which names the field")
    func badKeys() async throws {
        try await withSite { (site) async throws in
            for key in [Base64.string([UInt8](repeating: 1, count: 129)), "", "a b=", "====", "AAAAA"] {
                let reply = try await site.call("wrap", [
                    ("key", .string(key)), ("authorization", .string(try site.authorization().text)),
                    ("authentication", .string(try site.authentication().text)),
                ])
                #expect(reply.status == 400)
                #expect(reply["message"]?.hasPrefix("key:") == true)
            }
        }
    }

    @Test("CSE-18 with the largest key, resource name and perimeter the wrapped key has at most 1024 characters")
    func size() async throws {
        try await withSite { (site) async throws in
            let name = String(repeating: "é", count: 64)
            let authorization = try site.authorization(resource: name).with("perimeter_id", .string(name))
            let wrapped = try await site.wrapped([UInt8](repeating: 7, count: 128), authorization)
            #expect(wrapped.utf8.count <= 1024)
            let reply = try await site.unwrap(wrapped, try site.authorization("reader", resource: name))
            #expect(reply.bytes("key") == [UInt8](repeating: 7, count: 128))
        }
    }

    @Test("CSE-19 two wraps of the same are different")
    func fresh() async throws {
        try await withSite { (site) async throws in
            let (first, second) = (try await site.wrapped(), try await site.wrapped())
            #expect(first != second)
        }
    }

    @Test("CSE-20 N51 a wrapped key with any bit changed, or cut, opens nothing")
    func tampered() async throws {
        try await withSite { (site) async throws in
            let blob = try #require(try await site.wrap([9]).bytes("wrapped_key"))
            for bit in stride(from: 0, to: blob.count * 8, by: 3) {
                var changed = blob
                changed[bit / 8] ^= 1 << UInt8(bit % 8)
                let reply = try await site.unwrap(Base64.string(changed))
                #expect([400, 403].contains(reply.status), "bit \(bit)")
                #expect(reply["key"] == nil)
            }
            for count in [1, 23, 24, 40, blob.count - 1] {
                #expect([400, 403].contains(try await site.unwrap(Base64.string(Array(blob.prefix(count)))).status))
            }
        }
    }

    @Test("CSE-21 a token for another resource opens nothing: 403")
    func otherResource() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await site.wrapped()
            let reply = try await site.unwrap(wrapped, try site.authorization("reader", resource: KACLSSite.resource + "x"))
            #expect(reply.status == 403)
            #expect(reply.cause == "resource-name")
        }
    }

    @Test("CSE-22 another authorised user than the one who wrapped may unwrap")
    func otherUser() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await site.wrapped()
            let reply = try await site.unwrap(
                wrapped, try site.authorization("reader", email: "bob@example.com"), try site.authentication("bob@example.com"))
            #expect(reply.bytes("key") == KACLSSite.tinkKey)
        }
    }

    @Test("CSE-23 CSE-24 CSE-25 each role may do what Google says, and nothing more", arguments: [
        ("reader", 403, 200), ("writer", 200, 200), ("upgrader", 200, 403), ("decrypter", 403, 403), ("signer", 403, 403),
        ("migrator", 403, 403), ("verifier", 403, 403), ("Writer", 403, 403), ("", 403, 403), (nil, 403, 403),
    ])
    func roles(role: String?, wrap: Int, unwrap: Int) async throws {
        try await withSite { (site) async throws in
            let wrapped = try await site.wrapped()
            let token = try site.authorization().with("role", role.map { .string($0) })
            #expect(try await site.wrap(KACLSSite.tinkKey, token).status == wrap)
            #expect(try await site.unwrap(wrapped, token).status == unwrap)
        }
    }
}
