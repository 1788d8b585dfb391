/// Writes one JSON document, compactly, in the order in which it is told.
package struct JSONWriter {
    /// What has been written.
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// An empty document.
    package init(reserving capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    /// The document as text.
    package var string: String { String(decoding: bytes, as: UTF8.self) }

    /// An object; its members are written by `body`.
    package mutating func object<E: Error>(_ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
        try container(0x7B, 0x7D, body)
    }

    /// Begins an object, where a closure can't be used because a secret is lent.
    package mutating func openObject() {
        separate()
        bytes.append(0x7B)
        needsComma = false
    }

    /// Ends what `openObject` began.
    package mutating func closeObject() {
        bytes.append(0x7D)
        needsComma = true
    }

    /// An array; its elements are written by `body`.
    package mutating func array<E: Error>(_ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
        try container(0x5B, 0x5D, body)
    }

    /// A member's name; its value must follow.
    package mutating func name(_ name: String) {
        separate()
        JSONEscapes.append(name, to: &bytes)
        bytes.append(0x3A)
        needsComma = false
    }

    /// A string.
    package mutating func value(_ text: String) {
        separate()
        JSONEscapes.append(text, to: &bytes)
    }

    /// An integer.
    package mutating func value(_ integer: Int64) { literal(String(integer)) }

    /// A boolean.
    package mutating func value(_ bool: Bool) { literal(bool ? "true" : "false") }

    /// `null`.
    package mutating func null() { literal("null") }

    /// A whole document; a number that JSON can't write (infinite, not a number) becomes `null`.
    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let bool): self.value(bool)
        case .integer(let integer): self.value(integer)
        case .real(let real): literal(real.isFinite ? "\(real)" : "null")
        case .string(let text): self.value(text)
        case .array(let elements): array { writer in for element in elements { writer.value(element) } }
        case .object(let members):
            object { writer in
                for member in members {
                    writer.name(member.name)
                    writer.value(member.value)
                }
            }
        }
    }

    /// A string member.
    package mutating func member(_ name: String, _ text: String) {
        self.name(name)
        value(text)
    }

    /// An integer member.
    package mutating func member(_ name: String, _ integer: Int64) {
        self.name(name)
        value(integer)
    }

    /// A boolean member.
    package mutating func member(_ name: String, _ bool: Bool) {
        self.name(name)
        value(bool)
    }

    /// A member with a secret's bytes in padded base64.
    package mutating func member(_ name: String, base64 secret: borrowing SecretBytes) {
        self.name(name)
        bytes.append(0x22)
        Base64.append(secret, to: &bytes)
        bytes.append(0x22)
        needsComma = true
    }

    /// A member with bytes in padded base64.
    package mutating func member(_ name: String, base64 value: [UInt8]) {
        self.name(name)
        bytes.append(0x22)
        bytes.append(contentsOf: Base64.encode(value))
        bytes.append(0x22)
        needsComma = true
    }

    private mutating func container<E: Error>(
        _ opening: UInt8, _ closing: UInt8, _ body: (inout JSONWriter) throws(E) -> Void
    ) throws(E) {
        separate()
        bytes.append(opening)
        needsComma = false
        try body(&self)
        bytes.append(closing)
        needsComma = true
    }

    private mutating func literal(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func separate() {
        if needsComma { bytes.append(0x2C) }
        needsComma = true
    }
}
