/// Callers in a rule: one name, all of a domain, or a pattern.
enum Principal: Sendable {
    /// The folded name.
    case name(String)
    /// The folded domain behind its `@`, in ASCII.
    case domain([UInt8])
    /// A pattern for folded names.
    case pattern(Glob)

    /// From `alice@example.com`, `subject-17`, `domain:example.com`, `*@example.com` or a pattern with `*` and `?`, neither of
    /// which stands for an `@`.
    /// - Throws: `Complaint` with what was expected.
    init(_ text: String) throws(Complaint) {
        guard text.utf8.count <= 255, !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Complaint("expected 1 to 255 printable ASCII characters without spaces")
        }
        let name = PrincipalName(text).folded
        if text.hasPrefix("domain:") {
            self = try Principal(domain: PrincipalName("@" + text.dropFirst(7)).folded)
        } else if name.hasPrefix("*@"), !Principal.hasWildcards(name.dropFirst(2)) {
            self = try Principal(domain: String(name.dropFirst(1)))
        } else if Principal.hasWildcards(name) {
            guard name != "*" else { throw Complaint("expected a narrower pattern: “*” does not stand for “@”; write “*@example.com”") }
            self = .pattern(try Glob(name, separator: 0x40))
        } else {
            guard PrincipalName(name).isPlain else { throw Complaint("expected an e-mail address or a subject, with one “@” at most") }
            self = .name(name)
        }
    }

    private init(domain: String) throws(Complaint) {
        let labels = domain.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        let isDomain = labels.count >= 2 && labels.allSatisfy { label in
            !label.isEmpty && label.utf8.allSatisfy { $0 == 0x2D || ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x7A) }
        }
        guard isDomain else { throw Complaint("expected a domain such as example.com after “domain:” or “*@”") }
        self = .domain(Array(domain.utf8))
    }

    private static func hasWildcards(_ text: some StringProtocol) -> Bool { text.utf8.contains { $0 == 0x2A || $0 == 0x3F } }
}

/// The callers that a rule speaks of. A class, so that asking costs one reference count instead of one for each list.
final class PrincipalSet: Sendable {
    /// As the document spells them.
    let texts: [String]
    private let first: [String]  // up to eight names, which are cheaper to compare than to hash
    private let others: Set<String>  // the names beyond
    private let domains: [[UInt8]]
    private let patterns: [Glob]

    /// Compiles a list of texts and what they mean.
    init(_ principals: [(text: String, meaning: Principal)]) {
        let names = principals.compactMap { if case .name(let name) = $0.meaning { name } else { nil } }
        texts = principals.map(\.text)
        first = Array(names.prefix(8))
        others = Set(names.dropFirst(8))
        domains = principals.compactMap { if case .domain(let domain) = $0.meaning { domain } else { nil } }
        patterns = principals.compactMap { if case .pattern(let glob) = $0.meaning { glob } else { nil } }
    }

    /// Whether the folded name is one of them. A domain takes in no sub-domain.
    func contains(_ name: PrincipalName) -> Bool {
        for index in first.indices where first[index] == name.folded { return true }
        if !others.isEmpty, others.contains(name.folded) { return true }
        for index in domains.indices where PrincipalSet.hasSuffix(name.folded, domains[index]) { return true }
        for index in patterns.indices where patterns[index].matches(name.folded) { return true }
        return false
    }

    private static func hasSuffix(_ text: String, _ suffix: [UInt8]) -> Bool {
        let bytes = text.utf8Span.span
        let start = bytes.count - suffix.count
        guard start > 0 else { return false }
        for index in suffix.indices where bytes[start + index] != suffix[index] { return false }
        return true
    }
}

/// What is wrong with a text inside a document; the reader adds file, line and field.
struct Complaint: Error, Equatable {
    let message: String
    init(_ message: String) { self.message = message }
}
