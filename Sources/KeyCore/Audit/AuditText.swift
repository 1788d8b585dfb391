/// Callers' texts on their way into a record: short, and nothing in them that a terminal, a log viewer or a parser would obey.
package enum AuditText {
    /// Whether the text is printable ASCII without quote and backslash, and no longer than `limit`: JSON as it stands.
    static func isPlain(_ text: String, limit: Int) -> Bool {
        let bytes = text.utf8.span
        guard bytes.count <= limit else { return false }
        for index in bytes.indices {
            let byte = bytes[index]
            if byte < 0x20 || byte > 0x7E || byte == 0x22 || byte == 0x5C { return false }
        }
        return true
    }

    /// The text in at most `limit` bytes of UTF-8. Control and format characters (direction marks among them), line separators, and
    /// scalars without an assigned meaning become U+FFFD; a text that was cut ends in `…`. Reads no more than it keeps.
    package static func clean(_ text: String, limit: Int) -> String {
        var count = 0
        for byte in text.utf8 {
            guard byte >= 0x20, byte < 0x7F, count < limit else { return rebuild(text, limit: limit) }
            count += 1
        }
        return text
    }

    private static func rebuild(_ text: String, limit: Int) -> String {
        var kept = String.UnicodeScalarView()
        var size = 0
        for scalar in text.unicodeScalars {
            let printable = isPrintable(scalar) ? scalar : "\u{FFFD}"
            let width = UTF8.width(printable)
            guard size + width <= limit else { return String(shorten(kept, size: size, limit: limit)) }
            kept.append(printable)
            size += width
        }
        return String(kept)
    }

    private static func shorten(_ kept: String.UnicodeScalarView, size: Int, limit: Int) -> String.UnicodeScalarView {
        var (kept, size) = (kept, size)
        let ellipsis: Unicode.Scalar = "…"
        while size + UTF8.width(ellipsis) > limit, let last = kept.popLast() { size -= UTF8.width(last) }
        kept.append(ellipsis)
        return kept
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7F }
        return switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
