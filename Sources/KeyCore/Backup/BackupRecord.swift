import Primitives

/// One record of a backup's payload: `kind (1) ‖ length (4) ‖ body`.
enum BackupRecord {
    /// Begins a table: its name and columns; the rows that follow have their values in this order.
    case table(name: String, columns: [String])
    /// A row of the table that was begun last.
    case row([SQLValue])
    /// A file of the data folder: its relative path, and its sealed content.
    case file(name: String, sealed: [UInt8])
    /// The end: how many rows and files there were.
    case end(rows: Int64, files: Int64)

    /// Where a file's content is sealed.
    static func place(ofFile name: String) -> SealedLocation { SealedLocation(table: "files", row: name, column: "content") }

    private static let maxBytes = 256 << 20

    /// As it stands in the payload.
    var bytes: [UInt8] {
        var body: [UInt8] = []
        let kind: UInt8
        switch self {
        case .table(let name, let columns):
            kind = 1
            for text in [name] + columns { BackupRecord.append(.text(text), to: &body) }
        case .row(let values):
            kind = 2
            for value in values { BackupRecord.append(value, to: &body) }
        case .file(let name, let sealed):
            kind = 3
            for value in [SQLValue.text(name), .blob(sealed)] { BackupRecord.append(value, to: &body) }
        case .end(let rows, let files):
            kind = 4
            for value in [SQLValue.integer(rows), .integer(files)] { BackupRecord.append(value, to: &body) }
        }
        return [kind] + UInt32(body.count).bigEndianBytes + body
    }

    /// The next record; nil at the payload's end.
    init?(reading reader: BackupFileReader) throws {
        guard let head = try reader.read(5) else { return nil }
        let (kind, count) = (head[head.startIndex], head.dropFirst().reduce(0) { $0 << 8 | Int($1) })
        guard count <= BackupRecord.maxBytes, let body = count == 0 ? [] : try reader.read(count) else { throw BackupRecord.malformed }
        let values = try BackupRecord.values(body)
        switch (kind, values.first, values.dropFirst().first, values.count) {
        case (1, .text(let name)?, _, _): self = .table(name: name, columns: try values.dropFirst().map(BackupRecord.text))
        case (2, _, _, _): self = .row(values)
        case (3, .text(let name)?, .blob(let sealed)?, 2): self = .file(name: name, sealed: sealed)
        case (4, .integer(let rows)?, .integer(let files)?, 2): self = .end(rows: rows, files: files)
        default: throw BackupRecord.malformed
        }
    }

    private static let malformed = BackupError.damaged("the backup holds a record that is none; it was made by a defective program")

    private static func text(_ value: SQLValue) throws(BackupError) -> String {
        guard case .text(let text) = value else { throw malformed }
        return text
    }

    // MARK: Values: `kind (1)`, then 8 bytes, or a length (4) and so many bytes

    private static func append(_ value: SQLValue, to bytes: inout [UInt8]) {
        switch value {
        case .null: bytes.append(0)
        case .integer(let integer): bytes += [1] + integer.bigEndianBytes
        case .real(let real): bytes += [2] + real.bitPattern.bigEndianBytes
        case .text(let text): bytes += [3] + UInt32(text.utf8.count).bigEndianBytes + Array(text.utf8)
        case .blob(let blob): bytes += [4] + UInt32(blob.count).bigEndianBytes + blob
        }
    }

    private static func values(_ body: ArraySlice<UInt8>) throws(BackupError) -> [SQLValue] {
        var (rest, values) = (body, [SQLValue]())
        func take(_ count: Int) throws(BackupError) -> ArraySlice<UInt8> {
            guard rest.count >= count else { throw malformed }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        while let kind = rest.popFirst() {
            switch kind {
            case 0: values.append(.null)
            case 1: values.append(.integer(Int64(bitPattern: try take(8).reduce(0) { $0 << 8 | UInt64($1) })))
            case 2: values.append(.real(Double(bitPattern: try take(8).reduce(0) { $0 << 8 | UInt64($1) })))
            case 3:
                let count = try take(4).reduce(0) { $0 << 8 | Int($1) }
                guard let text = String(validating: try take(count), as: UTF8.self) else { throw malformed }
                values.append(.text(text))
            case 4:
                let count = try take(4).reduce(0) { $0 << 8 | Int($1) }
                values.append(.blob(Array(try take(count))))
            default: throw malformed
            }
        }
        return values
    }
}
