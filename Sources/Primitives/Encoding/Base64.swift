/// Base64 and base64url (RFC 4648) without look-up tables: each character costs the same time whatever its value, because
/// what passes through here is often a key (a table would leave traces of it in the cache).
package enum Base64 {
    /// Why a text is not what was expected.
    package enum Failure: Error, Equatable {
        /// A character outside the alphabet, or padding in the wrong place.
        case character
        /// A length that no encoding has.
        case length
        /// Bits after the last byte that are not zero.
        case spareBits
    }

    /// Standard alphabet, padded.
    package static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        append(Array(bytes).span, to: &output, plus: 0x2B, slash: 0x2F, padded: true)
        return output
    }

    /// Standard alphabet, padded, appended to `output`, without a copy of the secret on the way.
    package static func append(_ secret: borrowing SecretBytes, to output: inout [UInt8]) {
        output.reserveCapacity(output.count + (secret.count + 2) / 3 * 4)
        secret.withSpan { append($0, to: &output, plus: 0x2B, slash: 0x2F, padded: true) }
    }

    /// Standard alphabet, padded, as text.
    package static func string(_ bytes: some Collection<UInt8>) -> String { String(decoding: encode(bytes), as: UTF8.self) }

    /// URL-safe alphabet, unpadded (RFC 7515, appendix C).
    package static func urlEncoded(_ bytes: some Collection<UInt8>) -> String {
        var output: [UInt8] = []
        append(Array(bytes).span, to: &output, plus: 0x2D, slash: 0x5F, padded: false)
        return String(decoding: output, as: UTF8.self)
    }

    /// The bytes of a canonical, unpadded base64url text: exactly one text decodes to them.
    ///
    /// Source: RFC 7515, 2; RFC 4648, 3.5 (spare bits) and 12 (canonical form).
    package static func decodeURLCanonical(_ text: ArraySlice<UInt8>) throws(Failure) -> [UInt8] {
        var output: [UInt8] = []
        try decode(text, alphabet: .urlOnly, isCanonical: true) { output.append($0) }
        return output
    }

    /// The bytes of a text in either alphabet, padded or not, as proto3 JSON demands of its readers.
    package static func decodeLenient(_ text: ArraySlice<UInt8>) throws(Failure) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count / 4 * 3 + 3)
        try decode(try withoutPadding(text), alphabet: .either, isCanonical: false) { output.append($0) }
        return output
    }

    /// As `decodeLenient`, into locked memory.
    package static func decodeSecretLenient(_ text: ArraySlice<UInt8>) throws(Failure) -> SecretBytes {
        let body = try withoutPadding(text)
        guard body.count % 4 != 1 else { throw .length }
        return try SecretBytes(count: body.count * 3 / 4) { buffer throws(Failure) in
            var index = 0
            try decode(body, alphabet: .either, isCanonical: false) { byte in
                buffer[index] = byte
                index += 1
            }
        }
    }

    private enum Alphabet { case urlOnly, either }

    private static func withoutPadding(_ text: ArraySlice<UInt8>) throws(Failure) -> ArraySlice<UInt8> {
        guard text.last == 0x3D else { return text }
        guard text.count % 4 == 0 else { throw .length }
        let body = text.dropLast()
        return body.last == 0x3D ? body.dropLast() : body
    }

    private static func decode(
        _ body: ArraySlice<UInt8>, alphabet: Alphabet, isCanonical: Bool, _ emit: (UInt8) -> Void
    ) throws(Failure) {
        guard body.count % 4 != 1 else { throw .length }
        let standard: Int32 = alphabet == .either ? -1 : 0
        var bits: UInt32 = 0
        var held: UInt32 = 0
        var invalid: Int32 = 0
        for character in body {
            let value = value(Int32(character), acceptingStandard: standard)
            invalid |= value
            bits = bits << 6 | UInt32(truncatingIfNeeded: value) & 63
            held += 6
            if held >= 8 {
                held -= 8
                emit(UInt8(truncatingIfNeeded: bits >> held))
            }
        }
        guard invalid >= 0 else { throw .character }
        if isCanonical, bits & ((1 << held) - 1) != 0 { throw .spareBits }
    }

    /// The six bits of a URL-safe character (and of `+`, `/` where `standard` is all ones), or -1; computed, not looked up.
    private static func value(_ c: Int32, acceptingStandard standard: Int32) -> Int32 {
        var result: Int32 = -1
        result &+= within(c, 0x41, 0x5A) & (c &- 0x41 &+ 1)
        result &+= within(c, 0x61, 0x7A) & (c &- 0x61 &+ 27)
        result &+= within(c, 0x30, 0x39) & (c &- 0x30 &+ 53)
        result &+= within(c, 0x2D, 0x2D) & 63
        result &+= within(c, 0x5F, 0x5F) & 64
        result &+= within(c, 0x2B, 0x2B) & 63 & standard
        result &+= within(c, 0x2F, 0x2F) & 64 & standard
        return result
    }

    /// All ones if `low ≤ c ≤ high`, else zero.
    private static func within(_ c: Int32, _ low: Int32, _ high: Int32) -> Int32 {
        ~((c &- low) >> 31) & ~((high &- c) >> 31)
    }

    private static func append(_ bytes: Span<UInt8>, to output: inout [UInt8], plus: Int32, slash: Int32, padded: Bool) {
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let a = UInt32(bytes[index])
            let b = left > 1 ? UInt32(bytes[index + 1]) : 0
            let c = left > 2 ? UInt32(bytes[index + 2]) : 0
            let group = a << 16 | b << 8 | c
            output.append(character(group >> 18 & 63, plus, slash))
            output.append(character(group >> 12 & 63, plus, slash))
            if left > 1 { output.append(character(group >> 6 & 63, plus, slash)) } else if padded { output.append(0x3D) }
            if left > 2 { output.append(character(group & 63, plus, slash)) } else if padded { output.append(0x3D) }
            index += 3
        }
    }

    private static func character(_ value: UInt32, _ plus: Int32, _ slash: Int32) -> UInt8 {
        let v = Int32(bitPattern: value)
        var c = v &+ 0x41
        c &+= within(v, 26, 51) & 6
        c &+= within(v, 52, 61) & -69
        c &+= within(v, 62, 62) & (plus &- 62 &- 0x41)
        c &+= within(v, 63, 63) & (slash &- 63 &- 0x41)
        return UInt8(truncatingIfNeeded: c)
    }
}
