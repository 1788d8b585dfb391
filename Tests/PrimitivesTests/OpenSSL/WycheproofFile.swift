import Foundation
import Testing

/// A file of C2SP Wycheproof (`testvectors_v1`), as far as the runner reads it.
struct WycheproofFile: Decodable {
    let numberOfTests: Int
    let testGroups: [Group]

    /// Test cases with common parameters; each kind of file uses some of the members.
    struct Group: Decodable {
        let type: String
        let tests: [Case]
        let keySize: Int?
        let ivSize: Int?
        let tagSize: Int?
        let sha: String?
        let mgfSha: String?
        let sLen: Int?
        let publicKey: Numbers?
        let publicKeyDer: String?
        let publicKeyPem: String?
        let publicKeyJwk: [String: String]?
        let keyJwk: [String: String]?
        let privateKeyPkcs8: String?
        let privateKeyPem: String?
    }

    /// A public key's members that decide whether we take it.
    struct Numbers: Decodable {
        let publicExponent: String?
        let curve: String?
    }

    struct Case: Decodable {
        let tcId: Int
        let comment: String
        let flags: [String]
        let result: Result
        let key: String?
        let iv: String?
        let aad: String?
        let msg: String?
        let ct: String?
        let tag: String?
        let sig: String?
        let ikm: String?
        let salt: String?
        let info: String?
        let size: Int?
        let okm: String?
        let label: String?
    }

    enum Result: String, Decodable {
        case valid, invalid, acceptable
    }

    /// Where the files are; nil if nobody said.
    static let directory = ProcessInfo.processInfo.environment["WYCHEPROOF"].map { URL(fileURLWithPath: $0, isDirectory: true) }

    /// The names of all files there.
    static let names: [String] = {
        guard let directory, let names = try? FileManager.default.contentsOfDirectory(atPath: directory.path) else { return [] }
        return names.filter { $0.hasSuffix(".json") }.sorted()
    }()

    init(named name: String) throws {
        let directory = try #require(WycheproofFile.directory)
        self = try JSONDecoder().decode(WycheproofFile.self, from: Data(contentsOf: directory.appendingPathComponent(name)))
    }
}

/// What this project does with cases that Wycheproof leaves open, or that it deliberately does not support.
enum WycheproofDecision {
    /// Result "acceptable", by flag: all are refused.
    static let acceptable = [
        "MissingNull": "refused: PKCS#1 v1.5 signatures whose DigestInfo lacks the NULL parameter are a legacy form that nobody "
            + "we talk to makes; a verifier that rebuilds and compares the encoding (RFC 8017, 8.2.2) accepts one form only"
    ]

    /// Groups whose parameters are not ours: every operation must fail, whatever the expected result.
    static func isUnsupported(_ group: WycheproofFile.Group) -> Bool {
        switch group.type {
        case "AeadTest":  // AES-256 with 96-bit nonces only: NIST SP 800-38D, 8.2; others hash the nonce and lose its uniqueness
            group.keySize != 256 || group.ivSize != 96
        case "RsassaPkcs1Verify":  // small exponents make forgeries of sloppy verifiers possible; JWKS never need them
            group.publicKey?.publicExponent == "03"
        default: false
        }
    }

    /// Whether a supported case has to be accepted.
    static func mustAccept(_ test: WycheproofFile.Case) -> Bool {
        switch test.result {
        case .valid: return true
        case .invalid: return false
        case .acceptable:
            if !test.flags.contains(where: { acceptable[$0] != nil }) { Issue.record("undecided: \(test.tcId) \(test.flags)") }
            return false
        }
    }
}
