import Primitives

/// The file format, version 1:
/// `magic (8) ‖ version (2) ‖ header length (4) ‖ header (JSON) ‖ chunk ‖ chunk ‖ …`, numbers big endian.
///
/// A chunk is `nonce (24) ‖ ciphertext ‖ tag (16)` (XAES-256-GCM) of 64 KiB of payload; only the last one is shorter. Its associated data are
/// a label, the SHA-256 of everything before the first chunk, the chunk's number (8) and whether it is the last (1): chunks can't be left out,
/// moved, cut off, or put behind another header.
enum BackupFile {
    static let magic = Array("HOLDFBAK".utf8)
    static let version: UInt16 = 1
    static let chunkBytes = 64 << 10
    static let boxBytes = chunkBytes + XAES256GCM.nonceBytes + XAES256GCM.tagBytes
    static let maxHeaderBytes = 1 << 20

    static func associatedData(_ digest: [UInt8], _ number: UInt64, isLast: Bool) -> [UInt8] {
        Array("holdfast/backup/1/chunk".utf8) + digest + number.bigEndianBytes + [isLast ? 1 : 0]
    }
}

/// Writes a backup's payload in chunks, holding one at a time.
final class BackupFileWriter {
    private let file: FileInProgress
    private let key: SharedSecret
    private let digest: [UInt8]
    private var buffer: [UInt8] = []
    private var number: UInt64 = 0
    private let mayGrow: () throws -> Void

    /// - Parameter mayGrow: is asked every 16 MiB.
    init(_ path: String, header: BackupHeader, key: SharedSecret, mayGrow: @escaping () throws -> Void = {}) throws {
        self.mayGrow = mayGrow
        let document = header.document.json
        guard document.count <= BackupFile.maxHeaderBytes, try BackupHeader(JSONValue(parsing: document)).document == header.document else {
            throw BackupError.refused("the backup's header would not be read again as it is written; shorten the description and try again")
        }
        let front = BackupFile.magic + BackupFile.version.bigEndianBytes + UInt32(document.count).bigEndianBytes + document
        file = try FileInProgress(path)
        try file.append(front)
        (self.key, digest) = (key, Digest.sha256(front))
    }

    func write(_ bytes: [UInt8]) throws {
        buffer += bytes
        var start = 0
        while buffer.count - start > BackupFile.chunkBytes {  // a full one stays until it is known whether it is the last
            try emit(buffer[start..<start + BackupFile.chunkBytes], isLast: false)
            start += BackupFile.chunkBytes
        }
        buffer.removeFirst(start)
    }

    /// Writes the last chunk and gives the file its name.
    /// - Returns: its size in bytes.
    func finish() throws -> UInt64 {
        try emit(buffer[...], isLast: true)
        return try file.finish()
    }

    private func emit(_ chunk: ArraySlice<UInt8>, isLast: Bool) throws {
        let data = BackupFile.associatedData(digest, number, isLast: isLast)
        if number % UInt64(DiskReserve.step / BackupFile.chunkBytes) == 0 { try mayGrow() }
        try file.append(try XAES256GCM.seal(SecretBytes(copying: chunk), key: key.bytes, aad: data))
        number += 1
    }
}

/// Reads a backup's payload chunk by chunk; nothing is given out before it is authentic.
package final class BackupFileReader {
    /// What stands in front.
    package let header: BackupHeader
    /// The file's size in bytes.
    package let size: UInt64
    private let file: FileReader
    private let digest: [UInt8]
    /// A digest of the header and of every chunk so far, each with what was before it.
    private(set) var contentDigest: [UInt8]
    private var offset: UInt64
    private var number: UInt64 = 0
    private var isAtEnd = false
    private var key: SharedSecret?
    private var buffer: [UInt8] = []
    private var position = 0

    /// Opens a file and reads its header; nothing of it is believed yet.
    /// - Throws: `BackupError`, `FileError`.
    package init(_ path: String) throws {
        file = try FileReader(path)
        size = try file.size()
        let start = try file.read(at: 0, count: 14)
        guard start.count == 14, start.starts(with: BackupFile.magic) else {
            throw BackupError.unreadable("\(path) is no backup of Holdfast: it does not begin with HOLDFBAK")
        }
        let version = UInt16(start[8]) << 8 | UInt16(start[9])
        guard version == BackupFile.version else {
            throw BackupError.unreadable("the backup has format \(version), this version knows format \(BackupFile.version): use a newer version")
        }
        let count = start[10...].reduce(0) { $0 << 8 | Int($1) }
        let document = count <= BackupFile.maxHeaderBytes ? try file.read(at: 14, count: count) : []
        guard count > 0, document.count == count, let parsed = try? JSONValue(parsing: document) else {
            throw BackupError.damaged("the backup's header is cut off or no JSON; fetch the file again")
        }
        header = try BackupHeader(parsed)
        digest = Digest.sha256(start + document)
        contentDigest = digest
        offset = UInt64(14 + count)
    }

    /// How much was read so far, 0 to 1.
    package var progress: Double { Double(offset) / Double(max(1, size)) }

    /// Unlocks the payload.
    func unlock(_ opener: BackupOpener) throws(BackupError) -> BackupKeys {
        let keys = try BackupKeys(dataKey: try header.lock.open(with: opener))
        key = keys.chunks
        return keys
    }

    /// The next `count` bytes; nil at the payload's end.
    func read(_ count: Int) throws -> ArraySlice<UInt8>? {
        while buffer.count - position < count {
            guard let chunk = try nextChunk() else {
                guard buffer.count == position else { throw BackupError.damaged("the backup's content ends within a record; it was made by a defective program") }
                return nil
            }
            buffer.removeFirst(position)
            position = 0
            buffer += chunk
        }
        position += count
        return buffer[position - count..<position]
    }

    private func nextChunk() throws -> [UInt8]? {
        guard !isAtEnd, let key else { return nil }
        let box = try file.read(at: offset, count: BackupFile.boxBytes)
        offset += UInt64(box.count)
        let isLast = offset >= size
        defer { number += 1 }
        if let chunk = open(box, key, isLast: isLast) {
            isAtEnd = isLast
            contentDigest = Digest.sha256(contentDigest + box)
            return chunk.exposedCopy()  // holds sealed values only
        }
        if isLast, open(box, key, isLast: false) != nil {
            throw BackupError.damaged("the backup ends too early: its last part is missing; fetch the file again")
        }
        throw BackupError.damaged("part \(number + 1) of the backup does not open: the file was cut, changed, or its parts were moved")
    }

    private func open(_ box: [UInt8], _ key: SharedSecret, isLast: Bool) -> SecretBytes? {
        try? XAES256GCM.open(box, key: key.bytes, aad: BackupFile.associatedData(digest, number, isLast: isLast))
    }
}

extension FixedWidthInteger {
    /// The bytes in network order.
    var bigEndianBytes: [UInt8] {
        (0..<Self.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: self >> (8 * $0)) }
    }
}
