package import Primitives
import Synchronization

/// What Salesforce gets: `{"kid":…,"jwe":…}`, the key encrypted to one of the org's certificates.
///
/// The protected header holds `alg`, `enc`, `kid` and, if the callout named a `requestId`, `jti`: another member and Salesforce refuses it.
package struct CalloutAnswer: Sendable {
    static let headers: [(name: String, value: String)] = [
        ("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store"),
    ]

    /// The key identifier, as it was asked for.
    let identifier: String
    /// The nonce of the callout.
    let nonce: String?

    /// For a callout.
    package init(identifier: String, nonce: String?) { (self.identifier, self.nonce) = (identifier, nonce) }

    /// The JSON body, about a kilobyte.
    package func body(
        for key: borrowing SecretBytes, to certificateKey: PublicKey, with randomness: consuming CompactJWE.Randomness
    ) throws(CompactJWE.Failure) -> [UInt8] {
        let jwe = try CompactJWE.seal(key, header: header, to: certificateKey, with: randomness)
        var writer = JSONWriter(reserving: 1200)
        writer.object { writer in
            writer.member("kid", identifier)
            writer.member("jwe", jwe)
        }
        return writer.bytes
    }

    private var header: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("alg", "RSA-OAEP")
            writer.member("enc", "A256GCM")
            writer.member("kid", identifier)
            if let nonce { writer.member("jti", nonce) }
        }
        return writer.bytes
    }
}

/// The keys of the orgs' certificates, ready to encrypt with: checking one takes 26 ms, using it a fraction of one.
final class CertificateKeys: Sendable {
    private static let capacity = 1024
    private let keys = Mutex<[[UInt8]: PublicKey]>([:])

    func key(of certificate: Certificate) throws(KeyImportError) -> PublicKey {
        if let held = keys.withLock({ $0[certificate.spkiDER] }) { return held }
        let key = try certificate.publicKey()
        keys.withLock { keys in
            if keys.count >= CertificateKeys.capacity { keys = [:] }
            keys[certificate.spkiDER] = key
        }
        return key
    }
}
