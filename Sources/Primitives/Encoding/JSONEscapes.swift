/// The escapes of JSON strings (RFC 8259, 7).
package enum JSONEscapes {
    /// The value of the raw bytes between a string's quotes; nil for an escape that JSON doesn't have or half a surrogate pair.
    static func decode(_ raw: ArraySlice<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        var index = raw.startIndex
        while index < raw.endIndex {
            guard raw[index] == 0x5C else {
                output.append(raw[index])
                index += 1
                continue
            }
            guard index + 1 < raw.endIndex else { return nil }
            let letter = raw[index + 1]
            index += 2
            if letter == 0x75 {
                guard let scalar = scalar(raw, &index) else { return nil }
                output.append(contentsOf: String(Character(scalar)).utf8)
            } else {
                guard let byte = simple(letter) else { return nil }
                output.append(byte)
            }
        }
        return output
    }

    /// Appends `text` as a quoted JSON string.
    package static func append(_ text: String, to output: inout [UInt8]) {
        output.append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22: output.append(contentsOf: [0x5C, 0x22])
            case 0x5C: output.append(contentsOf: [0x5C, 0x5C])
            case 0x0A: output.append(contentsOf: [0x5C, 0x6E])
            case 0x0D: output.append(contentsOf: [0x5C, 0x72])
            case 0x09: output.append(contentsOf: [0x5C, 0x74])
            case 0..<0x20, 0x7F: output.append(contentsOf: "\\u00\(Hex.string([byte]))".utf8)
            default: output.append(byte)
            }
        }
        output.append(0x22)
    }

    private static func simple(_ letter: UInt8) -> UInt8? {
        switch letter {
        case 0x22, 0x5C, 0x2F: letter
        case 0x62: 0x08
        case 0x66: 0x0C
        case 0x6E: 0x0A
        case 0x72: 0x0D
        case 0x74: 0x09
        default: nil
        }
    }

    private static func scalar(_ raw: ArraySlice<UInt8>, _ index: inout Int) -> Unicode.Scalar? {
        guard let first = unit(raw, &index) else { return nil }
        guard first & 0xFC00 == 0xD800 else { return Unicode.Scalar(first) }
        guard index + 1 < raw.endIndex, raw[index] == 0x5C, raw[index + 1] == 0x75 else { return nil }
        index += 2
        guard let second = unit(raw, &index), second & 0xFC00 == 0xDC00 else { return nil }
        return Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + second & 0x3FF)
    }

    private static func unit(_ raw: ArraySlice<UInt8>, _ index: inout Int) -> UInt32? {
        guard index + 4 <= raw.endIndex, let bytes = Hex.decode(String(decoding: raw[index..<index + 4], as: UTF8.self)),
            bytes.count == 2
        else { return nil }
        index += 4
        return UInt32(bytes[0]) << 8 | UInt32(bytes[1])
    }
}
