/// Why a box could not be sealed or opened. It never tells how the cryptography failed.
package enum AEADError: Error, Equatable, CustomStringConvertible {
    /// A size is wrong: key, nonce or box. Nothing was computed.
    case malformed
    /// Key, associated data or any bit of the box differs from what was sealed; indistinguishable on purpose.
    case unauthentic
    /// OpenSSL failed for a reason of its own.
    case library(OpenSSLError)

    package var description: String {
        switch self {
        case .malformed: "expected a key, nonce and box of the algorithm's sizes"
        case .unauthentic: "not sealed under this key with this associated data, or changed since"
        case .library(let error): "\(error)"
        }
    }
}
