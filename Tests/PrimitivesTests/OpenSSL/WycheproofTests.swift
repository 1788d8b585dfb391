import Foundation
import Testing

@testable import Primitives

/// Set `WYCHEPROOF` to a directory with Wycheproof's JSON files to run it; every file there must be one that is known here.
@Suite("Wycheproof", .enabled(if: WycheproofFile.directory != nil, "set WYCHEPROOF to a directory of its JSON files"))
struct WycheproofTests {
    @Test("there are files where WYCHEPROOF points to")
    func exists() {
        #expect(!WycheproofFile.names.isEmpty)
    }

    @Test("accepts what is valid and refuses the rest, in", arguments: WycheproofFile.names)
    func file(name: String) throws {
        let file = try WycheproofFile(named: name)
        var executed = 0
        for group in file.testGroups { executed += try run(group, of: name) }
        #expect(executed > 0)
        #expect(executed == file.numberOfTests)
    }

    /// Runs a group and counts its cases.
    private func run(_ group: WycheproofFile.Group, of name: String) throws -> Int {
        let isAccepted: (WycheproofFile.Case) throws -> Bool
        if WycheproofDecision.isUnsupported(group) {
            isAccepted = try WycheproofRefusal.judge(group)
        } else {
            switch group.type {
            case "AeadTest": isAccepted = WycheproofSymmetric.aead
            case "KeywrapTest": isAccepted = WycheproofSymmetric.keyWrap
            case "MacTest": isAccepted = try WycheproofSymmetric.hmac(group, of: name)
            case "HkdfTest": isAccepted = try WycheproofSymmetric.hkdf(of: name)
            case "EcdsaVerify": isAccepted = try WycheproofAsymmetric.ecdsa(group, .der)
            case "EcdsaP1363Verify": isAccepted = try WycheproofAsymmetric.ecdsa(group, .raw)
            case "RsassaPkcs1Verify": isAccepted = try WycheproofAsymmetric.pkcs1(group)
            case "RsassaPssVerify": isAccepted = try WycheproofAsymmetric.pss(group)
            case "RsaesOaepDecrypt": isAccepted = try WycheproofAsymmetric.oaep(group)
            default:
                Issue.record("\(name): no runner for \(group.type)")
                return 0
            }
        }
        for test in group.tests {
            let expected = !WycheproofDecision.isUnsupported(group) && WycheproofDecision.mustAccept(test)
            let found = try isAccepted(test)
            #expect(found == expected, "\(name) \(test.tcId) \(test.comment) \(test.flags)")
        }
        return group.tests.count
    }
}

/// Groups with parameters that are refused on principle: shows that they are, and where.
enum WycheproofRefusal {
    static func judge(_ group: WycheproofFile.Group) throws -> (WycheproofFile.Case) throws -> Bool {
        guard group.type == "AeadTest" else {
            let der = try #require(group.publicKeyDer)
            return { _ in
                let error = #expect(throws: KeyImportError.self) { try PublicKey(spkiDER: Vector.bytes(der)) }
                return error == nil
            }
        }
        return { test in
            let key = Vector.bytes(try #require(test.key))
            let nonce = Vector.bytes(try #require(test.iv))
            let error = #expect(throws: AEADError.malformed) {
                try AEADUnderTest.aes.seal(Vector.bytes(test.msg ?? ""), key, Vector.bytes(test.aad ?? ""), nonce)
            }
            return error == nil
        }
    }
}
