import Testing

@testable import Primitives

@Suite("Base64") struct Base64Tests {
    /// RFC 4648, 10.
    static let vectors = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ]

    @Test("encodes and decodes the vectors of RFC 4648, 10", arguments: vectors)
    func rfcVectors(plain: String, encoded: String) throws {
        let unpadded = encoded.replacing("=", with: "")
        #expect(Base64.string(Array(plain.utf8)) == encoded)
        #expect(Base64.urlEncoded(Array(plain.utf8)) == unpadded)
        #expect(try Base64.decodeLenient(slice(encoded)) == Array(plain.utf8))
        #expect(try Base64.decodeLenient(slice(unpadded)) == Array(plain.utf8))
        #expect(try Base64.decodeURLCanonical(slice(unpadded)) == Array(plain.utf8))
    }

    @Test("encodes all 64 values in the order of RFC 4648, tables 1 and 2")
    func alphabets() {
        let all: [UInt8] = (0..<16).flatMap { group -> [UInt8] in
            let v = (0..<4).map { UInt32(group * 4 + $0) }
            let bits = v[0] << 18 | v[1] << 12 | v[2] << 6 | v[3]
            return [UInt8(bits >> 16), UInt8(bits >> 8 & 255), UInt8(bits & 255)]
        }
        let common = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        #expect(Base64.string(all) == common + "+/")
        #expect(Base64.urlEncoded(all) == common + "-_")
    }

    @Test("N4 canonical base64url refuses", arguments: [
        ("Zg==", Base64.Failure.character), ("Zm8=", .character), ("=", .length), ("Zg=", .character),  // padding
        ("-_+/", .character), ("+-__", .character), ("ab/_", .character),  // the other alphabet
        ("Zm 9", .character), ("Zm9v\n", .length), ("Zm9vYg\r\n", .character), ("\tZm9", .character),  // space
        ("Zh", .spareBits), ("Zv", .spareBits), ("Zm9", .spareBits), ("Zm-", .spareBits), ("Zm9vYh", .spareBits),  // spare bits
        ("Z", .length), ("Zm9vZ", .length),  // a length that no encoding has
        ("Zm9\u{0}", .character), ("Zé", .character), ("Zm.v", .character),
    ])
    func canonicalRefusals(text: String, failure: Base64.Failure) {
        #expect(throws: failure) { try Base64.decodeURLCanonical(slice(text)) }
    }

    @Test("N4 canonical base64url has exactly one text for each value: of all two-character texts 256 decode, to different bytes")
    func canonicalIsInjective() {
        var decoded: [[UInt8]] = []
        for a in UInt8.min...UInt8.max {
            for b in UInt8.min...UInt8.max {
                if let bytes = try? Base64.decodeURLCanonical([a, b]) { decoded.append(bytes) }
            }
        }
        #expect(decoded.count == 256)
        #expect(Set(decoded).count == 256)
    }

    @Test("knows the worth of each of the 256 byte values as a character, at each place of a group", arguments: 0..<4)
    func everyCharacter(place: Int) {
        let urlSafe = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for character in UInt8.min...UInt8.max {
            var text = Array("AAAA".utf8)
            text[place] = character
            let standard: Int? = character == 0x2B ? 62 : character == 0x2F ? 63 : nil
            let value = urlSafe.firstIndex(of: character)
            #expect((try? Base64.decodeURLCanonical(text[...])) == value.map { bytes($0, place) }, "\(character)")
            if character == 0x3D, place == 3 { continue }  // there it is padding
            #expect((try? Base64.decodeLenient(text[...])) == (value ?? standard).map { bytes($0, place) }, "\(character)")
        }
    }

    private func bytes(_ value: Int, _ place: Int) -> [UInt8] {
        let bits = value << (6 * (3 - place))
        return [UInt8(bits >> 16), UInt8(bits >> 8 & 255), UInt8(bits & 255)]
    }

    @Test("the lenient reader takes both alphabets, padded or not, and ignores spare bits", arguments: [
        ("-_8=", [0xFB, 0xFF]), ("-_8", [0xFB, 0xFF]), ("+/8=", [0xFB, 0xFF]), ("+/8", [0xFB, 0xFF]), ("-/8", [0xFB, 0xFF]),
        ("Zg", [0x66]), ("Zh==", [0x66]), ("Zm9v", [0x66, 0x6F, 0x6F]),
    ] as [(String, [UInt8])])
    func lenient(text: String, expected: [UInt8]) throws {
        #expect(try Base64.decodeLenient(slice(text)) == expected)
        #expect(try Base64.decodeSecretLenient(slice(text)).exposedCopy() == expected)
    }

    @Test("the lenient readers, plain and secret, refuse alike", arguments: [
        "=", "==", "====", "A===", "Zg=", "Zg===", "Zm9v=", "Zm9v==", "Zm9v====", "AA======", "AAAA====", "Z", "Zm9vZ", "Zg==Zg==",
        "Z=g=", "Zm 9v", "Zm9v\n", "Zm9*", "Zm9\u{80}", " ", "Zm9v.Zm9v",
    ])
    func lenientRefusals(text: String) {
        var plain: Base64.Failure?, secret: Base64.Failure?
        do { _ = try Base64.decodeLenient(slice(text)) } catch { plain = error }
        do { _ = try Base64.decodeSecretLenient(slice(text)) } catch { secret = error }
        #expect(plain != nil)
        #expect(plain == secret)
    }

    @Test("what is encoded decodes to the same bytes, in every way, for all sizes up to 200")
    func roundTrip() throws {
        var random = SeededGenerator(seed: 4648)
        for count in 0...200 {
            let bytes = random.bytes(count)
            let standard = Base64.encode(bytes), url = slice(Base64.urlEncoded(bytes))
            #expect(standard.count == (count + 2) / 3 * 4)
            #expect(try Base64.decodeLenient(standard[...]) == bytes)
            #expect(try Base64.decodeLenient(url) == bytes)
            #expect(try Base64.decodeURLCanonical(url) == bytes)
        }
    }

    @Test("the ways through locked memory give the same as the plain ones")
    func secrets() throws {
        var random = SeededGenerator(seed: 7515)
        for count in [0, 1, 2, 3, 31, 32, 33, 1000, 200_000] {
            let bytes = random.bytes(count)
            var appended = Array("before:".utf8)
            Base64.append(SecretBytes(copying: bytes), to: &appended)
            #expect(appended == Array("before:".utf8) + Base64.encode(bytes))
            #expect(try Base64.decodeSecretLenient(Base64.encode(bytes)[...]).exposedCopy() == bytes)
            #expect(try Base64.decodeSecretLenient(slice(Base64.urlEncoded(bytes))).exposedCopy() == bytes)
        }
    }

    @Test("reads a slice from its own start to its own end")
    func slices() throws {
        let text = Array("xxZm9vyy".utf8)
        #expect(try Base64.decodeURLCanonical(text[2..<6]) == Array("foo".utf8))
        #expect(try Base64.decodeLenient(text[2..<6]) == Array("foo".utf8))
        #expect(try Base64.decodeSecretLenient(text[2..<6]).exposedCopy() == Array("foo".utf8))
    }

    private func slice(_ text: String) -> ArraySlice<UInt8> { ArraySlice(text.utf8) }
}
