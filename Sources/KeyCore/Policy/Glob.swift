/// A pattern: `?` stands for one byte and `*` for any number, never for the separator; `**`, where it is allowed, for any
/// number of any bytes. Matching takes one step for each byte of the text whatever the pattern (a bit-parallel automaton:
/// Baeza-Yates and Gonnet, "A new approach to text searching", 1992), and allocates nothing.
struct Glob: Sendable {
    /// As the document spells it.
    let text: String
    private let prefix: [UInt8]  // what stands before the first wildcard
    private let suffix: [UInt8]  // what stands behind the last
    private let middle: Middle  // from the first wildcard to the last

    private enum Middle {
        case nothing, anything, pattern(Automaton)
    }

    /// Compiles a pattern of at most 255 bytes.
    /// - Throws: `Complaint` if it is longer, or holds `**` with `allowsDeep` false, or `***`.
    init(_ text: String, separator: UInt8, allowsDeep: Bool = false) throws(Complaint) {
        let tokens = try Glob.tokens(text, allowsDeep: allowsDeep)
        self.text = text
        guard let first = tokens.firstIndex(where: \.isWildcard), let last = tokens.lastIndex(where: \.isWildcard) else {
            (prefix, suffix, middle) = (Array(text.utf8), [], .nothing)
            return
        }
        prefix = tokens[..<first].compactMap(\.literal)
        suffix = tokens[(last + 1)...].compactMap(\.literal)
        if first == last, case .deep = tokens[first] {
            middle = .anything
        } else {
            middle = .pattern(Automaton(tokens[first...last], separator: separator))
        }
    }

    /// Whether the whole text fits the pattern.
    func matches(_ text: String) -> Bool {
        let bytes = text.utf8Span.span
        let end = bytes.count - suffix.count
        guard end >= prefix.count else { return false }
        for index in prefix.indices where bytes[index] != prefix[index] { return false }
        for index in suffix.indices where bytes[end + index] != suffix[index] { return false }
        return switch middle {
        case .nothing: bytes.count == prefix.count
        case .anything: true
        case .pattern(let automaton): automaton.matches(bytes, prefix.count..<end)
        }
    }

    fileprivate enum Token {
        case byte(UInt8), one, many, deep

        var isWildcard: Bool { if case .byte = self { false } else { true } }
        var literal: UInt8? { if case .byte(let byte) = self { byte } else { nil } }
    }

    private static func tokens(_ text: String, allowsDeep: Bool) throws(Complaint) -> [Token] {
        guard text.utf8.count <= 255 else { throw Complaint("expected a pattern of at most 255 bytes") }
        var tokens: [Token] = []
        for byte in text.utf8 {
            switch (byte, tokens.last) {
            case (0x2A, .many):
                guard allowsDeep else { throw Complaint("expected a single “*”; “**” is for resources only") }
                tokens[tokens.count - 1] = .deep
            case (0x2A, .deep): throw Complaint("expected “*” or “**”, found more stars in a row")
            case (0x2A, _): tokens.append(.many)
            case (0x3F, _): tokens.append(.one)
            default: tokens.append(.byte(byte))
            }
        }
        return tokens
    }
}

/// One bit for each place in the pattern, at most 256 of them; stars never stand side by side.
private struct Automaton: Sendable {
    private typealias State = InlineArray<4, UInt64>

    private let words: Int
    private let last: Int
    private let separator: UInt8
    private let classOfByte: [UInt8]  // 256: which row of `steps` a byte uses
    private var steps: [UInt64]  // a row for each class: the places that it moves on from
    private var stars: [UInt64]  // the places of `*` and `**`
    private var deeps: [UInt64]  // the places of `**`

    init(_ tokens: ArraySlice<Glob.Token>, separator: UInt8) {
        last = tokens.count
        words = tokens.count / 64 + 1
        self.separator = separator
        let literals = Set(tokens.compactMap(\.literal)).union([separator]).sorted()
        var classes = [UInt8](repeating: 0, count: 256)
        for (index, byte) in literals.enumerated() { classes[Int(byte)] = UInt8(index + 1) }
        classOfByte = classes
        steps = [UInt64](repeating: 0, count: (literals.count + 1) * words)
        stars = [UInt64](repeating: 0, count: words)
        deeps = stars
        for (place, token) in tokens.enumerated() {
            let (word, bit) = (place / 64, UInt64(1) << UInt64(place % 64))
            switch token {
            case .byte(let byte): steps[Int(classes[Int(byte)]) * words + word] |= bit
            case .one:
                for row in 0...literals.count where row != Int(classes[Int(separator)]) { steps[row * words + word] |= bit }
            case .many: stars[word] |= bit
            case .deep:
                stars[word] |= bit
                deeps[word] |= bit
            }
        }
    }

    func matches(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var state = State(repeating: 0)
        state[0] = 1 | (stars[0] & 1) << 1
        for index in range {
            guard step(&state, bytes[index]) else { return false }
        }
        return state[last / 64] & 1 << UInt64(last % 64) != 0
    }

    /// Reads one byte; false if no place is left.
    private func step(_ state: inout State, _ byte: UInt8) -> Bool {
        let row = Int(classOfByte[Int(byte)]) * words
        var (carry, alive) = (UInt64(0), UInt64(0))
        for word in 0..<words {
            let moving = state[word] & steps[row + word]
            let staying = state[word] & (byte == separator ? deeps[word] : stars[word])
            let reached = moving << 1 | staying | carry
            let skipping = reached & stars[word]  // a star may stand for nothing
            state[word] = reached | skipping << 1
            carry = moving >> 63 | skipping >> 63
            alive |= state[word]
        }
        return alive != 0
    }
}
