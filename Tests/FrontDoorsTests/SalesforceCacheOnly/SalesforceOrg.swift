import Foundation
import KeyCore
import TestSupport

@testable import Primitives

/// What an org has: two BYOK-compatible certificates, one that signs its tokens, two client certificates; and some that it should not have.
/// Made once per process.
final class SalesforceOrg: Sendable {
    static let shared = Result { try SalesforceOrg() }
    let folder: EKMScratch
    /// What Salesforce keeps: it opens answers.
    let privateKey: PrivateKey
    let nextPrivateKey: PrivateKey
    let signingKey: PrivateKey
    let strangerKey: PrivateKey

    private init() throws {
        folder = try EKMScratch()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-eu", "-c", Self.script]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw WirePeer.Failed(description: "openssl can't make the org's certificates") }
        let folder = folder
        func key(_ name: String) throws -> PrivateKey {
            let pem = try String(contentsOfFile: "\(folder.path)/\(name).key", encoding: .utf8)
            return try PrivateKey(pkcs8PEM: SecretBytes(copying: pem.utf8))
        }
        (privateKey, nextPrivateKey) = (try key("byok"), try key("next"))
        (signingKey, strangerKey) = (try key("signer"), try key("stranger"))
    }

    func path(_ name: String) -> String { "\(folder.path)/\(name)" }
    func pem(_ name: String) throws -> String { try String(contentsOfFile: path("\(name).crt"), encoding: .utf8) }
    func certificate(_ name: String) throws -> Certificate { try Certificate.chain(pem: try pem(name))[0] }
    func fingerprint(_ name: String) throws -> String { Hex.string(try certificate(name).sha256Fingerprint) }

    private static let script = """
        umask 077
        make() {
            openssl req -x509 -new -newkey "rsa:$2" -nodes -sha256 -days "$3" -keyout "$1.key" -out "$1.crt" \\
                -subj "/CN=$1/OU=00D000000000001/O=Salesforce.com" -addext basicConstraints=critical,CA:TRUE
        }
        make byok 4096 730 & make next 4096 730 &
        for name in signer stranger client other-client small; do make "$name" 2048 365; done
        wait
        openssl req -new -key byok.key -subj /CN=expired -out expired.csr
        openssl x509 -req -in expired.csr -signkey byok.key -days -1 -out expired.crt
        """
}

/// A token that the org signs.
struct SalesforceToken: Sendable {
    var header: [String: String]
    var claims: [String: String]

    /// A valid one at `now`.
    init(now: Instant, keyID: String = "Signer_1") {
        header = ["alg": #""RS256""#, "typ": #""JWT""#, "kid": #""\#(keyID)""#]
        claims = [
            "iss": #""00D000000000001""#, "sub": #""consumer-key""#, "aud": #""https://keys.example.com/org-1""#,
            "iat": "\(now.seconds)", "nbf": "\(now.seconds)", "exp": "\(now.seconds + 120)",
        ]
    }

    func with(_ name: String, _ value: String?) -> SalesforceToken {
        var token = self
        token.claims[name] = value
        return token
    }

    func withHeader(_ name: String, _ value: String?) -> SalesforceToken {
        var token = self
        token.header[name] = value
        return token
    }

    var signedText: String {
        [header, claims].map { members in
            Base64.urlEncoded(Array("{\(members.sorted { $0.key < $1.key }.map { #""\#($0.key)":\#($0.value)"# }.joined(separator: ","))}".utf8))
        }.joined(separator: ".")
    }

    /// The compact form, signed with RS512 if the header says so, else with RS256.
    func signed(by key: PrivateKey) throws -> String {
        let text = signedText
        let hash: HashFunction = header["alg"] == #""RS512""# ? .sha512 : .sha256
        return text + "." + Base64.urlEncoded(try key.sign(Array(text.utf8), with: .rsaPKCS1(hash)))
    }
}
