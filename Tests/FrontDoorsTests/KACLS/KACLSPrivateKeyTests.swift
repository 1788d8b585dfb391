import Foundation
import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("KACLS private keys") struct KACLSPrivateKeyTests {
    static let spki = "bS2MHa+MXHuL6vvMgu0uo2yTymkwIZKeRmNXVzjTYOA="
    static let digest = "vfASgqGiByK/zXeFigmCH3nBTnR2Idb752u6eOBNZ54="
    static let signature = "cXb7HqImYr0e4FWs/4m71LNbJWWHKTCLUxpj8gxyxaEtWzDfMOM7MTnu2I0RpnYhd3IhmIVw2mdXkO1O5V249n74x/5fHHhSu3FxhIKOZ67IgFXpMIIb/Klco93Oo4FuV1TyBFPPqitsRxtuwe4YZP2u8bgaH9bfQXXo1pQyqGPbXJk1LJN/NCnk6c5QT3avAaAxgRxhYRqjjBUY9g8AmmnjUona8pw7jAG+pLPY+RfYA5y3xIKmOH2CJjOrceN3Hlk4BiibiiYMUj/L89SUgyb/33q3G1W97JBKNs6l69AhVmmhpy//Pfmzt2M3/XB/unelu9nL+AhmUD8wcsehfA=="
    static let contentKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    static let pkcs1 = "tJMouPbF/zE9QV7OKxNBxhfWrypMbYK8lLZxAXfuYYxeD6QFHyhh/aRbQ4TcwdHJq1jT2JbFc4SyCeKmqtlWTXFPdbX2wrxnrsvkRKC5Ip+II+JSgIewwn/MDCmHBWy9TNZKy8A0Tj49PU6n/enY9VlCqpUsRDqpTTaUFsP2Btc1DvkvO9XCaf2Q0Yz4wnw09L2uD0nkWwKDZxM4B9M8q6i+A3VJ6vvD0XOT9Y1cY/7kwQGGoXMJJRsBX9ICLLESSQq3Qnu0m+Z7MeeMijzODwDz3AzcEoLlmaUhv/i6bQgUhfM+Nz0YHH3AjeXTc2jNZYtHdoZ3un+LCZAtgY34Ig=="
    static let oaepSHA1 = "l4IwRURp4xfZP4IoczZ3bIx7bb8H9dOcijArIeBM55MbaF6HHQ5+58o0UZiIR8+XMkvthmDYwSfKWZdWymCT9O4wShMdXLW2pmsRAJgD+Nbp/Qe/8inh5tL3fS0VEbaWlrWlzAodmiN8duekbZvjlct0UJznO1ADBTsZJi8FskRtwXl2yZfHCg2HEpZvwM5ZND0/R9eu3UcocdoSB0lL/A2MxNFYfa+yMqQS/N+NcdqDDuuoNYIMrhLP/ITTqnDrzX3iXd2LWzKjOyPZmIUtrewmpQq+KZYhwFx2MnBQCgt6EZUEqMprOXIBEAL6Xv0AIe8E6anHlvhqEFJs2YfXiA=="
    static let oaepSHA256 = "ntso9WIqiUpsj8T7KrfB4ZOjzTlNjLrZ6arxMmxekMm24PD6QPHjcftHW6plFjlJ2726kjQ80VjmPBSkg+uMWW1iatJRTSG1VbkCZfXbg9cVjDPU+oeovyFtUxSU2ZDcJuqSFSWWsLAco/k75M3ADCCUOjjLD2XGmSRBlOrIZDAEbm3eN6hReMCqG2yFuegrpKSWEptbAPTb82odG7Lab+CkISDOD3Ii8yZGrjxsq4BdSc7eWxPu+UR1UFO2OU7o2EI6UjmkdCmv2j4R6IOvVoJaiF3zv2/FGMIPPK6LL2HeegLz58lW5hVx7umxOyNK4Yf3MxkdgAZVvWggd5xSaQ=="

    private static func wrap(_ site: KACLSSite, _ key: String = RSATestKey.pem, _ token: KACLSTestToken? = nil) async throws -> KACLSReply {
        try await site.call("wrapprivatekey", [
            ("authentication", .string(try (token ?? site.administrator("mail@example.com")).text)), ("perimeter_id", ""), ("private_key", .string(key)),
        ])
    }

    private static func wrapped(_ site: KACLSSite) async throws -> String { try #require(try await wrap(site)["wrapped_private_key"]) }

    /// Gmail's token.
    private static func gmail(_ site: KACLSSite, _ role: String, hash: String = spki) throws -> KACLSTestToken {
        try site.authorization(role, issuer: .gmail, resource: "//gmail.googleapis.com/gmail/users/ann%40example.com/settings/cse/keypairs/ANe1Bmg")
            .with("message_id", "<17@example.com>").with("spki_hash", .string(hash)).with("spki_hash_algorithm", "SHA-256")
    }

    private static func sign(
        _ site: KACLSSite, _ wrapped: String, _ algorithm: String, digest: String = digest, salt: JSONValue = nil, role: String = "signer",
        hash: String = spki
    ) async throws -> KACLSReply {
        try await site.call("privatekeysign", [
            ("algorithm", .string(algorithm)), ("digest", .string(digest)), ("rsa_pss_salt_length", salt), ("wrapped_private_key", .string(wrapped)),
            ("authorization", .string(try gmail(site, role, hash: hash).text)), ("authentication", .string(try site.authentication().text)),
            ("reason", "sign email"),
        ])
    }

    private static func decrypt(
        _ site: KACLSSite, _ wrapped: String, _ algorithm: String, _ ciphertext: String, label: JSONValue = nil, role: String = "decrypter",
        hash: String = spki
    ) async throws -> KACLSReply {
        try await site.call("privatekeydecrypt", [
            ("algorithm", .string(algorithm)), ("encrypted_data_encryption_key", .string(ciphertext)), ("rsa_oaep_label", label),
            ("wrapped_private_key", .string(wrapped)), ("authorization", .string(try gmail(site, role, hash: hash).text)),
            ("authentication", .string(try site.authentication().text)), ("reason", "decrypt email"),
        ])
    }

    @Test("CSE-58 privatekeysign makes the published signature, whatever the case of the algorithm")
    func sign() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await Self.wrapped(site)
            for algorithm in ["SHA256withRSA", "sha256WithRSA"] {
                #expect(try await Self.sign(site, wrapped, algorithm)["signature"] == Self.signature)
            }
            #expect(site.audit.records.last?.event == AuditEvent("kacls.privatekeysign"))
            #expect(site.audit.records.last?.resource?.hasPrefix("//gmail.googleapis.com/gmail/users/") == true)
            #expect(site.audit.records.last?.message == "<17@example.com>")
        }
    }

    @Test("CSE-59 a PSS signature has the salt length that was asked for; one that can't be is 400", arguments: [
        ("SHA256withRSA/PSS", nil, 32), ("SHA256withRSA/PSS", 0, 0), ("SHA256withRSA/PSS", 20, 20), ("SHA256withRSA/PSS", 222, 222),
        ("SHA512withRSA/PSS", nil, 64), ("SHA384withRSA/PSS", 48, 48), ("SHA256withRSA/PSS", 223, nil), ("SHA256withRSA/PSS", -1, nil),
        ("SHA256withRSA/PSS", "32", nil), ("SHA512withRSA/PSS", 191, nil), ("SHA256withRSA/PSS", .real(1e30), nil),
    ] as [(String, JSONValue?, Int?)])
    func pss(algorithm: String, salt: JSONValue?, expected: Int?) async throws {
        try await withSite { (site) async throws in
            let hash: HashFunction = algorithm.contains("512") ? .sha512 : algorithm.contains("384") ? .sha384 : .sha256
            let digest = Digest.hash(Array("mail".utf8), with: hash)
            let reply = try await Self.sign(site, try await Self.wrapped(site), algorithm, digest: Base64.string(digest), salt: salt ?? nil)
            guard let expected else {
                #expect(reply.status == 400)
                return
            }
            let key = try PrivateKey(pkcs8PEM: SecretBytes(copying: RSATestKey.pem.utf8)).publicKey
            let signature = try #require(reply.bytes("signature"))
            #expect(try key.verify(signature, digest: digest, with: .rsaPSS(hash, mgf1: hash, saltBytes: expected)))
        }
    }

    @Test("CSE-60 a digest of another length than the algorithm's, or an unknown algorithm, is 400")
    func digests() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await Self.wrapped(site)
            for count in [1, 20, 31, 33, 48, 64] {
                #expect(try await Self.sign(site, wrapped, "SHA256withRSA", digest: Base64.string([UInt8](repeating: 1, count: count))).status == 400)
            }
            for algorithm in ["", "RSA", "MD5withRSA", "SHA256withECDSA", "SHA256withRSA/PKCS1", "NONEwithRSA", "RSA/ECB/PKCS1Padding", "SHA1withRSA"] {
                #expect(try await Self.sign(site, wrapped, algorithm).status == 400, "\(algorithm)")
            }
        }
    }

    @Test("SHA-1 signs only where an administrator has switched it on")
    func sha1() async throws {
        try await withSite(options: { options, _ in options.allowsSHA1 = true }) { (site) async throws in
            let digest = Digest.hash(Array("mail".utf8), with: .sha1)
            let wrapped = try await Self.wrapped(site)
            #expect(try await Self.sign(site, wrapped, "SHA1withRSA", digest: Base64.string(digest)).bytes("signature")?.count == 256)
        }
    }

    @Test("CSE-61 privatekeydecrypt opens the published ciphertexts", arguments: [
        ("RSA/ECB/PKCS1Padding", pkcs1, nil), ("RSA/ECB/OAEPwithSHA-1andMGF1Padding", oaepSHA1, nil),
        ("RSA/ECB/OAEPwithSHA-1andMGF1Padding", oaepSHA1, ""), ("RSA/ECB/OAEPWithSHA-256AndMGF1Padding", oaepSHA256, "bGFiZWwtMQ=="),
        ("RSA/ECB/PKCS1Padding", pkcs1, "ignored="),
    ] as [(String, String, JSONValue?)])
    func decrypt(algorithm: String, ciphertext: String, label: JSONValue?) async throws {
        try await withSite { (site) async throws in
            let reply = try await Self.decrypt(site, try await Self.wrapped(site), algorithm, ciphertext, label: label ?? nil)
            #expect(reply["data_encryption_key"] == Self.contentKey)
        }
    }

    @Test("CSE-62 N32 wrong label, padding and key give the same answer byte for byte; PKCS#1 v1.5 gives no failure at all")
    func oracle() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await Self.wrapped(site)
            let other = try PrivateKey.generate(.rsa(bits: 2048)).publicKey.encrypt(SecretBytes(copying: [1, 2]), with: OAEP(.sha256))
            var replies: [KACLSReply] = []
            for (algorithm, ciphertext, label) in [
                ("RSA/ECB/OAEPwithSHA-256andMGF1Padding", Self.oaepSHA256, "bGFiZWwtMg=="), ("RSA/ECB/OAEPwithSHA-256andMGF1Padding", Self.oaepSHA256, nil),
                ("RSA/ECB/OAEPwithSHA-1andMGF1Padding", Self.oaepSHA256, nil), ("RSA/ECB/OAEPwithSHA-256andMGF1Padding", Self.pkcs1, nil),
                ("RSA/ECB/OAEPwithSHA-256andMGF1Padding", Base64.string(other), nil), ("RSA/ECB/OAEPwithSHA-512andMGF1Padding", Self.oaepSHA1, nil),
                ("RSA/ECB/OAEPwithSHA-256andMGF1Padding", "AQ==", nil),
            ] as [(String, String, JSONValue?)] {
                replies.append(try await Self.decrypt(site, wrapped, algorithm, ciphertext, label: label ?? nil))
            }
            #expect(Set(replies.map(\.body)).count == 1)
            #expect(Set(replies.map(\.status)) == [400])
            for ciphertext in [Self.oaepSHA1, Self.oaepSHA256, Base64.string([UInt8](repeating: 1, count: 256))] {
                let first = try await Self.decrypt(site, wrapped, "RSA/ECB/PKCS1Padding", ciphertext)
                #expect(first.status == 200)
                #expect(try await Self.decrypt(site, wrapped, "RSA/ECB/PKCS1Padding", ciphertext).body == first.body)
            }
        }
    }

    @Test("OAEP with SHA-256 and Java's MGF1 opens only where that is switched on", arguments: [true, false])
    func java(isOn: Bool) async throws {
        try await withSite(options: { options, _ in options.triesMGF1WithSHA1 = isOn }) { (site) async throws in
            let key = try PrivateKey(pkcs8PEM: SecretBytes(copying: RSATestKey.pem.utf8)).publicKey
            let ciphertext = try key.encrypt(SecretBytes(copying: [7, 7]), with: OAEP(.sha256, mgf1Hash: .sha1))
            let reply = try await Self.decrypt(site, try await Self.wrapped(site), "RSA/ECB/OAEPwithSHA-256andMGF1Padding", Base64.string(ciphertext))
            #expect(reply.bytes("data_encryption_key") == (isOn ? [7, 7] : nil))
        }
    }

    @Test("CSE-63 a spki_hash of another key is 403; on the privileged method the request's field counts")
    func keyHash() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await Self.wrapped(site)
            let other = Base64.string(Digest.sha256([1]))
            #expect(try await Self.sign(site, wrapped, "SHA256withRSA", hash: other).cause == "spki-hash")
            #expect(try await Self.decrypt(site, wrapped, "RSA/ECB/PKCS1Padding", Self.pkcs1, hash: other).cause == "spki-hash")
            for (hash, algorithm, status) in [(Self.spki, "SHA-256", 200), (Self.spki, "sha256", 200), (other, "SHA-256", 403), (Self.spki, "SHA-1", 400), (nil, nil, 400)] as [(String?, String?, Int)] {
                let reply = try await site.call("privilegedprivatekeydecrypt", [
                    ("algorithm", "RSA/ECB/PKCS1Padding"), ("encrypted_data_encryption_key", .string(Self.pkcs1)), ("wrapped_private_key", .string(wrapped)),
                    ("authentication", .string(try site.administrator("takeout@example.com").text)), ("spki_hash", .optional(hash)),
                    ("spki_hash_algorithm", .optional(algorithm)), ("reason", "takeout"),
                ])
                #expect(reply.status == status)
                if status == 200 { #expect(reply["data_encryption_key"] == Self.contentKey) }
            }
        }
    }

    @Test("N19 only those on the list decrypt mail for a takeout")
    func privileged() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await Self.wrapped(site)
            for (token, status) in [
                (try site.administrator("mail@example.com"), 403), (try site.authentication("takeout@example.com"), 401),
                (try site.administrator("takeout@example.com"), 200),
            ] {
                let reply = try await site.call("privilegedprivatekeydecrypt", [
                    ("algorithm", "RSA/ECB/PKCS1Padding"), ("encrypted_data_encryption_key", .string(Self.pkcs1)), ("wrapped_private_key", .string(wrapped)),
                    ("authentication", .string(try token.text)), ("spki_hash", .string(Self.spki)), ("spki_hash_algorithm", "SHA-256"),
                ])
                #expect(reply.status == status)
            }
        }
    }

    @Test("CSE-64 a signer can't decrypt, a decrypter can't sign, and nobody else does either")
    func roles() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await Self.wrapped(site)
            for role in ["decrypter", "signer", "reader", "writer", "verifier"] {
                #expect(try await Self.sign(site, wrapped, "SHA256withRSA", role: role).status == (role == "signer" ? 200 : 403))
                let reply = try await Self.decrypt(site, wrapped, "RSA/ECB/PKCS1Padding", Self.pkcs1, role: role)
                #expect(reply.status == (role == "decrypter" ? 200 : 403))
            }
        }
    }

    @Test("a wrapped data key is no private key, and the other way round")
    func kinds() async throws {
        try await withSite { (site) async throws in
            #expect(try await Self.sign(site, try await site.wrapped(), "SHA256withRSA").status == 403)
            let reply = try await site.unwrap(try await Self.wrapped(site))
            #expect([400, 403].contains(reply.status))
        }
    }

    @Test("CSE-65 wrapprivatekey takes PKCS#8 and PKCS#1, PEM with real and written line breaks, and base64 of DER")
    func forms() async throws {
        try await withSite { (site) async throws in
            let scratch = try EKMScratch()
            try RSATestKey.pem.write(toFile: scratch.path + "/k.pem", atomically: true, encoding: .utf8)
            _ = try await WirePeer.run("openssl", ["rsa", "-in", "k.pem", "-traditional", "-out", "k1.pem"], in: scratch.path)
            let pkcs1 = try String(contentsOfFile: scratch.path + "/k1.pem", encoding: .utf8)
            let der = RSATestKey.pem.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
            let der1 = pkcs1.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
            for text in [RSATestKey.pem, pkcs1, RSATestKey.pem.replacing("\n", with: "\\n"), pkcs1.replacing("\n", with: "\\n"), der, der1] {
                let reply = try await Self.wrap(site, text)
                #expect(reply.status == 200)
                let wrapped = try #require(reply["wrapped_private_key"])
                #expect(wrapped.utf8.count <= 8192)
                #expect(try await Self.sign(site, wrapped, "SHA256withRSA")["signature"] == Self.signature)
            }
            let encrypted = try await WirePeer.run("openssl", ["pkcs8", "-topk8", "-in", "k.pem", "-passout", "pass:x"], in: scratch.path)
            _ = try await WirePeer.run(
                "openssl", ["rsa", "-in", "k.pem", "-traditional", "-aes256", "-passout", "pass:x", "-out", "k2.pem"], in: scratch.path)
            let encrypted1 = try String(contentsOfFile: scratch.path + "/k2.pem", encoding: .utf8)
            let open = try await WirePeer.run("openssl", ["pkey", "-in", "k.pem", "-pubout"], in: scratch.path)
            let ec = try await WirePeer.run("openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], in: scratch.path)
            let small = try await WirePeer.run("openssl", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-quiet"], in: scratch.path)
            for text in [encrypted, encrypted1, open, ec, small, "x", "AAAA", RSATestKey.pem + "\n" + RSATestKey.pem, String(der.dropLast(8))] {
                #expect(try await Self.wrap(site, text).status == 400)
            }
        }
    }

    @Test("CSE-66 a wrapped private key of 11308 characters is not refused for its size, only because it is not ours")
    func large() async throws {
        try await withSite { (site) async throws in
            let foreign = Base64.string([UInt8](repeating: 0x55, count: 8480))
            #expect(foreign.utf8.count == 11308)
            let reply = try await Self.sign(site, foreign, "SHA256withRSA")
            #expect(reply.status == 400)
            #expect(reply["message"]?.contains("wrapped here") == true)
        }
    }

    @Test("RSA keys of 3072 and 4096 bits work, and fit into Gmail's 8 KiB", arguments: [3072, 4096])
    func sizes(bits: Int) async throws {
        try await withSite { (site) async throws in
            let key = try PrivateKey.generate(.rsa(bits: bits))
            let wrapped = try #require(try await Self.wrap(site, String(decoding: key.pkcs8PEM().exposedCopy(), as: UTF8.self))["wrapped_private_key"])
            #expect(wrapped.utf8.count <= 8192)
            let hash = Base64.string(key.publicKey.spkiSHA256)
            let signature = try #require(try await Self.sign(site, wrapped, "SHA512withRSA/PSS", digest: Base64.string(Digest.sha512([1])), hash: hash).bytes("signature"))
            #expect(try key.publicKey.verify(signature, digest: Digest.sha512([1]), with: .rsaPSS(.sha512)))
            let ciphertext = try key.publicKey.encrypt(SecretBytes(copying: [4, 2]), with: OAEP(.sha512))
            let reply = try await Self.decrypt(site, wrapped, "RSA/ECB/OAEPwithSHA-512andMGF1Padding", Base64.string(ciphertext), hash: hash)
            #expect(reply.bytes("data_encryption_key") == [4, 2])
        }
    }
}
