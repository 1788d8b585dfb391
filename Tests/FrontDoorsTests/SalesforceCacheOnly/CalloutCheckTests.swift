import FrontDoors
import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("Salesforce callout check: the verdicts") struct CalloutCheckTests {
    private static let identifier = SalesforceFixture.identifier
    private static let nonce = "e5ab58fd2ced013f2a46d5c8144dd439"

    /// An answer with these parts, made by other means than the door's.
    private static func body(
        header: String? = nil, outer: String = identifier, key: [UInt8] = CalloutVector.key, oaep: OAEP = OAEP(.sha1),
        change: (inout [String]) -> Void = { _ in }
    ) throws -> [UInt8] {
        let header = header ?? #"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"\#(identifier)","jti":"\#(nonce)"}"#
        let content = try SecretBytes(randomCount: 32)
        let first = Base64.urlEncoded(Array(header.utf8))
        let box = try AES256GCM.seal(SecretBytes(copying: key), key: content, aad: Array(first.utf8))
        let encrypted = try SalesforceOrg.shared.get().privateKey.publicKey.encrypt(content, with: oaep)
        var parts = [
            first, Base64.urlEncoded(encrypted), Base64.urlEncoded(box.prefix(12)), Base64.urlEncoded(box.dropFirst(12).dropLast(16)),
            Base64.urlEncoded(box.suffix(16)),
        ]
        change(&parts)
        return Array(#"{"kid":"\#(outer)","jwe":"\#(parts.joined(separator: "."))"}"#.utf8)
    }

    private static func judge(_ body: [UInt8], status: Int = 200, nonce: String? = nonce) throws -> CalloutVerdict {
        CalloutCheck(identifier: identifier, nonce: nonce, privateKey: try SalesforceOrg.shared.get().privateKey)
            .judge(status: status, body: body).verdict
    }

    @Test("accepts an answer made independently of the door")
    func success() throws { #expect(try Self.judge(try Self.body()) == .success) }

    @Test("names each deviation of the header", arguments: [
        (#"{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"KID","jti":"JTI"}"#, CalloutVerdict.incorrectAlgorithm),
        (#"{"alg":"RSA-OAEP","enc":"A128GCM","kid":"KID","jti":"JTI"}"#, .incorrectEncryption),
        (#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"KID","jti":"JTI","typ":"JWT"}"#, .illegalParameters),
        (#"{"alg":"RSA-OAEP","kid":"KID","jti":"JTI"}"#, .missingParameters),
        (#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"other","jti":"JTI"}"#, .incorrectKeyID),
        (#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"KID"}"#, .replay),
        (#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"KID","jti":"another"}"#, .replay),
        (#"["alg"]"#, .malformedJWE),
    ])
    func header(text: String, verdict: CalloutVerdict) throws {
        let header = text.replacing("KID", with: Self.identifier).replacing("JTI", with: Self.nonce)
        #expect(try Self.judge(try Self.body(header: header)) == verdict)
    }

    @Test("names each deviation of the rest")
    func rest() throws {
        #expect(try Self.judge(try Self.body(outer: "other")) == .incorrectOuterKeyID)
        #expect(try Self.judge(try Self.body(key: [UInt8](repeating: 1, count: 16))) == .incorrectKeySize)
        #expect(try Self.judge(try Self.body(oaep: OAEP(.sha256))) == .malformedContentKey)
        #expect(try Self.judge(try Self.body { $0[3] = Base64.urlEncoded([UInt8](repeating: 9, count: 32)) }) == .malformedKey)
        #expect(try Self.judge(try Self.body { $0[4] = Base64.urlEncoded([UInt8](repeating: 9, count: 16)) }) == .malformedKey)
        #expect(try Self.judge(try Self.body { $0[2] = Base64.urlEncoded([UInt8](repeating: 9, count: 8)) }) == .malformedJWE)
        #expect(try Self.judge(try Self.body { $0[1] += "==" }) == .malformedJWE)
        #expect(try Self.judge(try Self.body { $0[3] = "+/+/" }) == .malformedJWE)
        #expect(try Self.judge(try Self.body { $0.removeLast() }) == .malformedJWE)
        #expect(try Self.judge([]) == .emptyResponse)
        #expect(try Self.judge(Array("<html>".utf8)) == .malformedJSON)
        #expect(try Self.judge(Array(#"{"kid":"x","jwe":"y","z":1}"#.utf8)) == .malformedJSON)
        #expect(try Self.judge(try Self.body(), status: 201) == .errorCode)
        #expect(try Self.judge(try Self.body(), status: 401) == .authenticationFailure)
        #expect(try Self.judge(try Self.body(), status: 404) == .destroyCode)
        #expect(try Self.judge(try Self.body(), status: 503) == .errorCode)
        #expect(try Self.judge(try Self.body(), nonce: nil) == .illegalParameters)
    }
}
