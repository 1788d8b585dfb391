/// Why a key is not taken in. Each case says what was expected; none holds a byte of the key.
package enum KeyImportError: Error, Equatable, CustomStringConvertible {
    /// Not in the expected encoding.
    case malformed(expected: String)
    /// Well-formed, but of a type or curve that is not accepted.
    case unsupported(expected: String)
    /// Of an accepted type, but too weak or inconsistent to be trusted.
    case unsafe(expected: String)
    /// OpenSSL failed for a reason of its own.
    case library(OpenSSLError)

    package var description: String {
        switch self {
        case .malformed(let expected), .unsupported(let expected), .unsafe(let expected): "expected \(expected)"
        case .library(let error): "\(error)"
        }
    }
}

/// Why a key did not do what it was asked for.
package enum KeyUseError: Error, Equatable, CustomStringConvertible {
    /// The operation, scheme or hash is not one for this key.
    case unsuitable(expected: String)
    /// The input has the wrong size.
    case malformed(expected: String)
    /// The ciphertext does not decrypt under this key and label; it never says why.
    case undecryptable
    /// OpenSSL failed for a reason of its own.
    case library(OpenSSLError)

    package var description: String {
        switch self {
        case .unsuitable(let expected), .malformed(let expected): "expected \(expected)"
        case .undecryptable: "the ciphertext does not decrypt under this key"
        case .library(let error): "\(error)"
        }
    }
}
