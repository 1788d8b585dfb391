package import Primitives

/// Where a sealed value stands in the database: bound to it, so that rows and columns can't be swapped.
package struct SealedLocation: Sendable, Hashable {
    /// `table`, the row's id, `column`.
    package let table: String, row: String, column: String

    /// A location as given.
    package init(table: String, row: String, column: String) { (self.table, self.row, self.column) = (table, row, column) }

    fileprivate var isShort: Bool { [table, row, column].allSatisfy { $0.utf8.count <= 0xFFFF } }

    /// Each part with its length in two bytes before it, so that no two locations give the same bytes.
    var associatedData: [UInt8] {
        var bytes = Array("holdfast/seal/1".utf8)
        for part in [table, row, column] {
            let part = Array(part.utf8)
            bytes.append(contentsOf: [UInt8(truncatingIfNeeded: part.count >> 8), UInt8(truncatingIfNeeded: part.count)])
            bytes.append(contentsOf: part)
        }
        return bytes
    }
}

/// Why a value could not be sealed or opened.
package enum SealingError: Error, Equatable, CustomStringConvertible {
    /// The value was sealed under another key, for another place, or was changed.
    case unauthentic(SealedLocation)
    /// The root key does not open this data folder.
    case wrongRootKey
    /// OpenSSL failed.
    case library(String)

    /// For the operator.
    package var description: String {
        switch self {
        case .unauthentic(let place):
            "the sealed value \(place.table)/\(place.row)/\(place.column) does not open: it was changed, moved, or belongs to another data folder"
        case .wrongRootKey: "the root key does not open this data folder; give the one that `holdfast init` made"
        case .library(let text): text
        }
    }
}

/// Seals what is secret at rest under the data-sealing key, with XAES-256-GCM: `01 ‖ nonce (24) ‖ ciphertext ‖ tag (16)`.
package final class DataSealer: Sendable {
    private let key: SharedSecret

    /// A sealer with a data-sealing key of 32 bytes.
    package init(key: SharedSecret) { self.key = key }

    /// The sealed form of `secret` for one place.
    package func seal(_ secret: borrowing SecretBytes, at place: SealedLocation) throws(SealingError) -> [UInt8] {
        guard place.isShort else { throw .library("a sealed value's location has parts of more than 65535 bytes") }
        do {
            return [1] + (try XAES256GCM.seal(secret, key: key.bytes, aad: place.associatedData))
        } catch {
            throw .library("\(error)")
        }
    }

    /// The secret, or nothing.
    package func open(_ sealed: [UInt8], at place: SealedLocation) throws(SealingError) -> SecretBytes {
        guard sealed.first == 1, place.isShort else { throw .unauthentic(place) }
        do {
            return try XAES256GCM.open(sealed.dropFirst(), key: key.bytes, aad: place.associatedData)
        } catch {
            if case .library(let error) = error { throw .library("\(error)") }
            throw .unauthentic(place)
        }
    }
}
