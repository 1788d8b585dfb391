/// A strict reader of one JSON document (RFC 8259) that walks over its bytes once and builds nothing.
///
/// The caller pulls members and elements and says what it expects; what it doesn't want it skips. Nesting is limited,
/// numbers, UTF-8 and escapes are checked, nothing may follow the document. It doesn't look for duplicate members: a caller that walks an
/// object knows which names matter (`JSONValue` refuses all duplicates).
package struct JSONScanner {
    /// Why the bytes are not the expected document.
    package enum Failure: Error, Equatable {
        /// Not JSON, at this byte offset.
        case syntax(offset: Int)
        /// Nested deeper than the limit.
        case tooDeep
        /// JSON, but of another type than expected, at this byte offset.
        case type(offset: Int)
    }

    /// A string's place in the document: the bytes between its quotes.
    package struct Text: Sendable {
        /// Offsets of the raw bytes, escapes included.
        package let range: Range<Int>
        /// Whether a backslash occurs, so that the raw bytes are not the value.
        package let hasEscapes: Bool
        /// Whether the raw bytes are all below 0x80.
        let isASCII: Bool
    }

    /// The type of the value that comes next.
    package enum Kind: Sendable { case object, array, string, number, bool, null }

    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0
    private let maxDepth: Int
    private var containerIsEmpty = true

    /// A scanner at the start of `bytes`; at most `maxDepth` objects and arrays may be open at once.
    package init(_ bytes: [UInt8], maxDepth: Int = 16) {
        self.bytes = bytes
        self.maxDepth = maxDepth
    }

    // MARK: Containers

    /// Steps into an object.
    package mutating func beginObject() throws(Failure) { try open(0x7B) }

    /// Steps into an array.
    package mutating func beginArray() throws(Failure) { try open(0x5B) }

    /// The next member's name, which is valid text, with the scanner at its value; nil after the last one, with the object closed.
    package mutating func nextMember() throws(Failure) -> Text? {
        guard try nextItem(closing: 0x7D) else { return nil }
        let name = try text()
        try validate(name)
        skipSpace()
        try expect(0x3A)
        return name
    }

    /// Whether another element comes; false after the last one, with the array closed.
    package mutating func nextElement() throws(Failure) -> Bool { try nextItem(closing: 0x5D) }

    /// Makes sure that nothing but space follows.
    package mutating func endDocument() throws(Failure) {
        skipSpace()
        guard index == bytes.count, depth == 0 else { throw .syntax(offset: index) }
    }

    // MARK: Values

    /// What the next value is, without reading it.
    package mutating func peek() throws(Failure) -> Kind {
        skipSpace()
        guard index < bytes.count else { throw .syntax(offset: index) }
        switch bytes[index] {
        case 0x7B: return .object
        case 0x5B: return .array
        case 0x22: return .string
        case 0x74, 0x66: return .bool
        case 0x6E: return .null
        case 0x2D, 0x30...0x39: return .number
        default: throw .syntax(offset: index)
        }
    }

    /// Reads a string and gives its place. Whether its bytes are valid UTF-8 and its escapes valid, `string(_:)` tells.
    package mutating func text() throws(Failure) -> Text {
        guard try peek() == .string else { throw .type(offset: index) }
        index += 1
        let start = index
        var hasEscapes = false
        var isASCII = true
        while index < bytes.count {
            switch bytes[index] {
            case 0x22:
                index += 1
                return Text(range: start..<index - 1, hasEscapes: hasEscapes, isASCII: isASCII)
            case 0x5C:
                hasEscapes = true
                index += 2
            case 0..<0x20: throw .syntax(offset: index)
            case 0x80...:
                isASCII = false
                index += 1
            default: index += 1
            }
        }
        throw .syntax(offset: bytes.count)
    }

    /// Reads a number and gives its bytes as they stand.
    package mutating func number() throws(Failure) -> ArraySlice<UInt8> {
        guard try peek() == .number else { throw .type(offset: index) }
        let start = index
        if bytes[index] == 0x2D { index += 1 }
        let integerStart = index
        guard skipDigits() > 0 else { throw .syntax(offset: index) }
        guard bytes[integerStart] != 0x30 || index == integerStart + 1 else { throw .syntax(offset: integerStart) }
        if index < bytes.count, bytes[index] == 0x2E {
            index += 1
            guard skipDigits() > 0 else { throw .syntax(offset: index) }
        }
        if index < bytes.count, bytes[index] | 0x20 == 0x65 {
            index += 1
            if index < bytes.count, bytes[index] == 0x2B || bytes[index] == 0x2D { index += 1 }
            guard skipDigits() > 0 else { throw .syntax(offset: index) }
        }
        return bytes[start..<index]
    }

    /// Reads `true` or `false`.
    package mutating func bool() throws(Failure) -> Bool {
        guard try peek() == .bool else { throw .type(offset: index) }
        let value = bytes[index] == 0x74
        try literal(value ? "true" : "false")
        return value
    }

    /// Reads `null` if it comes next, and says whether it did.
    package mutating func skipNull() throws(Failure) -> Bool {
        guard try peek() == .null else { return false }
        try literal("null")
        return true
    }

    /// Reads and forgets any value.
    package mutating func skipValue() throws(Failure) {
        switch try peek() {
        case .string: try validate(try text())
        case .number: _ = try number()
        case .bool: _ = try bool()
        case .null: _ = try skipNull()
        case .object:
            try beginObject()
            while try nextMember() != nil { try skipValue() }
        case .array:
            try beginArray()
            while try nextElement() { try skipValue() }
        }
    }

    // MARK: What a text says

    /// The raw bytes between the quotes; the value itself where `hasEscapes` is false.
    package func raw(_ text: Text) -> ArraySlice<UInt8> { bytes[text.range] }

    /// The value, unescaped; nil unless it is valid UTF-8 with valid escapes.
    package func string(_ text: Text) -> String? {
        guard text.hasEscapes else { return String(validating: bytes[text.range], as: UTF8.self) }
        guard let unescaped = JSONEscapes.decode(bytes[text.range]) else { return nil }
        return String(validating: unescaped, as: UTF8.self)
    }

    /// Whether the text, less its underscores and in lower case, is `folded`: proto3 JSON's two spellings and more.
    package func text(_ text: Text, foldsTo folded: StaticString) -> Bool {
        guard !text.hasEscapes else { return false }
        return folded.withUTF8Buffer { expected in
            var position = 0
            for index in text.range where bytes[index] != 0x5F {
                let byte = bytes[index]
                let lower = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
                guard position < expected.count, expected[position] == lower else { return false }
                position += 1
            }
            return position == expected.count
        }
    }

    // MARK: Steps

    private mutating func open(_ bracket: UInt8) throws(Failure) {
        skipSpace()
        guard index < bytes.count, bytes[index] == bracket else {
            _ = try peek()
            throw .type(offset: index)
        }
        guard depth < maxDepth else { throw .tooDeep }
        index += 1
        depth += 1
        containerIsEmpty = true
    }

    private mutating func nextItem(closing bracket: UInt8) throws(Failure) -> Bool {
        skipSpace()
        guard index < bytes.count else { throw .syntax(offset: index) }
        if bytes[index] == bracket {
            index += 1
            depth -= 1
            containerIsEmpty = false
            return false
        }
        if !containerIsEmpty {
            try expect(0x2C)
            skipSpace()
        }
        containerIsEmpty = false
        return true
    }

    private func validate(_ text: Text) throws(Failure) {
        guard text.isASCII && !text.hasEscapes || string(text) != nil else { throw .syntax(offset: text.range.lowerBound) }
    }

    private mutating func expect(_ byte: UInt8) throws(Failure) {
        guard index < bytes.count, bytes[index] == byte else { throw .syntax(offset: index) }
        index += 1
    }

    private mutating func literal(_ word: StaticString) throws(Failure) {
        for byte in word.description.utf8 { try expect(byte) }
    }

    private mutating func skipDigits() -> Int {
        let start = index
        while index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 { index += 1 }
        return index - start
    }

    private mutating func skipSpace() {
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x0A || bytes[index] == 0x0D || bytes[index] == 0x09 {
            index += 1
        }
    }
}
