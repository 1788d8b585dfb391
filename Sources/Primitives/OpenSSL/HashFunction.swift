import COpenSSL

/// A hash function of the SHA family.
package enum HashFunction: String, Sendable, Hashable, CaseIterable {
    /// Only inside OAEP, HMAC and fingerprints, where a protocol prescribes it; signatures refuse it unless told otherwise.
    case sha1 = "SHA-1"
    case sha256 = "SHA-256"
    case sha384 = "SHA-384"
    case sha512 = "SHA-512"

    /// The size of its digest in bytes.
    package var digestBytes: Int {
        switch self {
        case .sha1: 20
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// The name by which providers know it.
    var name: StaticString {
        switch self {
        case .sha1: "SHA1"
        case .sha256: "SHA2-256"
        case .sha384: "SHA2-384"
        case .sha512: "SHA2-512"
        }
    }

    /// Its `EVP_MD`. A process whose OpenSSL lacks it can't do anything at all and ends here.
    var handle: OpaquePointer {
        let lookup =
            switch self {
            case .sha1: Fetched.sha1
            case .sha256: Fetched.sha256
            case .sha384: Fetched.sha384
            case .sha512: Fetched.sha512
            }
        switch lookup {
        case .success(let fetched): return fetched.handle
        case .failure(let error): preconditionFailure("OpenSSL has no \(rawValue): \(error)")
        }
    }
}
