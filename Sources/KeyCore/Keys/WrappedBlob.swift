import Primitives

/// How the box inside a blob was made.
package enum WrapAlgorithm: UInt8, Sendable {
    /// XAES-256-GCM (C2SP): 24 bytes of nonce, the ciphertext, 16 bytes of tag.
    case xaes256GCM = 1
    /// AES-256-GCM: 12 bytes of nonce, the ciphertext, 16 bytes of tag.
    case aes256GCM = 2
}

/// What a cloud keeps for us: a wrapped key together with the name of the key version that opens it.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 2 | magic: `48 46`, “HF” |
/// | 2 | 1 | format: `01` |
/// | 3 | 16 | key id |
/// | 19 | 4 | key version, big endian |
/// | 23 | 1 | algorithm (`WrapAlgorithm`) |
/// | 24 | 24 or 12 | nonce |
/// | … | n | ciphertext, as long as the plaintext |
/// | … | 16 | tag |
///
/// 64 bytes more than the plaintext with XAES-256-GCM. Bytes 0 to 23 are associated data, after a label for the protocol and
/// before the caller's AAD (`associatedData`). The blob names no endpoint: users re-point URIs, migrate and restore.
package struct WrappedBlob: Sendable, Equatable {
    /// Bytes 0 to 23, taken apart.
    package struct Header: Sendable, Hashable {
        package let keyID: KeyID
        package let version: KeyVersionNumber
        package let algorithm: WrapAlgorithm

        /// A header as given.
        package init(keyID: KeyID, version: KeyVersionNumber, algorithm: WrapAlgorithm) {
            (self.keyID, self.version, self.algorithm) = (keyID, version, algorithm)
        }

        /// The 24 bytes.
        package var bytes: [UInt8] {
            var bytes: [UInt8] = [0x48, 0x46, 0x01]
            bytes.reserveCapacity(Header.byteCount)
            bytes.append(contentsOf: keyID.bytes.array)
            for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: version >> UInt32(shift))) }
            bytes.append(algorithm.rawValue)
            return bytes
        }

        static let byteCount = 24
    }

    /// Names the key version.
    package let header: Header
    /// `nonce ‖ ciphertext ‖ tag`.
    package let box: ArraySlice<UInt8>

    /// Takes a blob apart; nil unless magic, format and algorithm are known and it is long enough.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= Header.byteCount, bytes[0] == 0x48, bytes[1] == 0x46, bytes[2] == 0x01,
            let id = UUIDBytes(bytes[3..<19]), let algorithm = WrapAlgorithm(rawValue: bytes[23])
        else { return nil }
        let version = bytes[19..<23].reduce(0) { $0 << 8 | KeyVersionNumber($1) }
        header = Header(keyID: KeyID(bytes: id), version: version, algorithm: algorithm)
        box = bytes[Header.byteCount...]
    }

    /// What is bound to the box: label and AAD each with their length before them, so that no two pairs give the same bytes.
    ///
    /// `length of label (1) ‖ label ‖ header (24) ‖ length of AAD (8, big endian) ‖ AAD`
    package static func associatedData(label: DomainLabel, header: [UInt8], aad: [UInt8]) -> [UInt8] {
        let label = Array(label.rawValue.utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1 + label.count + header.count + 8 + aad.count)
        bytes.append(UInt8(label.count))
        bytes.append(contentsOf: label)
        bytes.append(contentsOf: header)
        let count = UInt64(aad.count)
        for shift in stride(from: UInt64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
        bytes.append(contentsOf: aad)
        return bytes
    }
}

/// Which protocol a blob belongs to: what one front door wrapped no other unwraps.
package enum DomainLabel: String, Sendable {
    /// Google Cloud EKM.
    case ekm = "holdfast/ekm"
    /// Google Workspace client-side encryption.
    case kacls = "holdfast/kacls"
}
