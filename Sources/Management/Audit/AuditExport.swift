import Hummingbird
import KeyCore
import NIOCore
import Primitives

/// Records as a file, written page by page while it is sent.
struct AuditExport: Sendable {
    enum Format: String, Sendable, CaseIterable {
        case jsonl, csv

        var type: String {
            switch self {
            case .jsonl: "application/jsonl"
            case .csv: "text/csv"
            }
        }
    }

    private static let pageSize = 500
    let search: AuditSearch
    let query: AuditQuery
    let format: Format
    let turns: AuditTurns

    /// The file's content. If the database fails on the way, the connection is cut: half a file must not look like a whole one.
    var body: ResponseBody {
        ResponseBody { writer in
            if format == .csv { try await writer.write(ByteBuffer(string: AuditCSV.header)) }
            var place: AuditPlace?
            while true {
                let hits = try await turns.take(isPatient: true) { [place] in
                    try await search.records(query, after: place, newestFirst: false, limit: AuditExport.pageSize)
                }
                if !hits.isEmpty { try await writer.write(ByteBuffer(string: hits.map(text).joined())) }
                guard hits.count == AuditExport.pageSize else { break }
                place = hits.last?.place
            }
            try await writer.finish(nil)
        }
    }

    private func text(_ hit: AuditHit) -> String {
        switch format {
        case .jsonl: hit.line + "\n"
        case .csv: AuditCSV.row(AuditSchemas.document(hit))
        }
    }
}

/// Records as a table for spreadsheets (RFC 4180).
enum AuditCSV {
    private static let columns =
        ["node", "seq", "time", "event", "outcome"] + AuditSchemas.texts.map(\.name) + AuditSchemas.integers.map(\.name)
        + ["health_check", "obligations", "details", "chain"]

    static let header = columns.joined(separator: ",") + "\r\n"

    static func row(_ record: JSONValue) -> String {
        columns.map { field(text(record[$0] ?? .null)) }.joined(separator: ",") + "\r\n"
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: ""
        case .string(let text): text
        case .array(let elements) where elements.isEmpty: ""
        case .array(let elements): elements.compactMap(\.string).joined(separator: " ")
        default: String(decoding: value.json, as: UTF8.self)
        }
    }

    /// A field that no spreadsheet takes for a formula: where one would begin, an apostrophe stands before it. Full-width signs count too,
    /// since some programs read them as the plain ones.
    ///
    /// Source: OWASP, "CSV Injection".
    static func field(_ text: String) -> String {
        let isFormula = text.unicodeScalars.first.map { "=+-@\t\r\n＝＋－＠".unicodeScalars.contains($0) } ?? false
        let safe = isFormula ? "'" + text : text
        guard safe.unicodeScalars.contains(where: { "\",\r\n'".unicodeScalars.contains($0) }) else { return safe }
        return "\"" + safe.replacing("\"", with: "\"\"") + "\""
    }
}
