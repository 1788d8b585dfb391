import Glibc
import Testing

@testable import Primitives

@Suite("AEAD") struct AEADTests {
    let key = [UInt8](0..<32)
    let plaintext = Array("a key that somebody gave us".utf8)
    let aad = Array("its name".utf8)

    @Test("AES-256-GCM seals test case 16 of the GCM specification, and opens it again")
    func publishedVector() throws {
        let key = Vector.bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
        let plaintext = Vector.bytes(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
        let aad = Vector.bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let box = Vector.bytes(
            "cafebabefacedbaddecaf888"
                + "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" + "76fc6ece0f4e1768cddf8853bb2d551b")
        #expect(try AEADUnderTest.aes.seal(plaintext, key, aad, Array(box.prefix(12))) == box)
        #expect(try AEADUnderTest.aes.open(box, key, aad) == plaintext)
    }

    @Test("opens what it sealed, of every size from 0 to 300 bytes", arguments: AEADUnderTest.all)
    func roundTrip(aead: AEADUnderTest) throws {
        for count in 0...300 {
            let plaintext = [UInt8](repeating: UInt8(count & 255), count: count)
            let box = try aead.seal(plaintext, key, count % 2 == 0 ? [] : aad, nil)
            #expect(box.count == aead.nonceBytes + count + 16)
            #expect(try aead.open(box, key, count % 2 == 0 ? [] : aad) == plaintext)
        }
    }

    @Test("refuses a box with any one bit changed", arguments: AEADUnderTest.all)
    func tampered(aead: AEADUnderTest) throws {
        let box = try aead.seal(plaintext, key, aad, nil)
        for bit in 0..<box.count * 8 {
            var changed = box
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: AEADError.unauthentic) { try aead.open(changed, key, aad) }
        }
    }

    @Test("refuses another key, other or missing associated data, and a box cut or grown", arguments: AEADUnderTest.all)
    func strangers(aead: AEADUnderTest) throws {
        let box = try aead.seal(plaintext, key, aad, nil)
        let otherKey = [UInt8](1...32)
        #expect(throws: AEADError.unauthentic) { try aead.open(box, otherKey, aad) }
        #expect(throws: AEADError.unauthentic) { try aead.open(box, key, []) }
        #expect(throws: AEADError.unauthentic) { try aead.open(box, key, aad + [0]) }
        #expect(throws: AEADError.unauthentic) { try aead.open(box + [0], key, aad) }
        #expect(throws: AEADError.unauthentic) { try aead.open(box.dropLast(), key, aad) }
    }

    @Test("calls keys, nonces and boxes of a wrong size malformed", arguments: AEADUnderTest.all)
    func sizes(aead: AEADUnderTest) throws {
        for count in [0, 16, 24, 31, 33] {
            let short = [UInt8](repeating: 1, count: count)
            #expect(throws: AEADError.malformed) { try aead.seal(plaintext, short, aad, nil) }
            #expect(throws: AEADError.malformed) { try aead.open([UInt8](repeating: 0, count: 99), short, aad) }
        }
        for count in [0, aead.nonceBytes - 1, aead.nonceBytes + 1] {
            #expect(throws: AEADError.malformed) { try aead.seal(plaintext, key, aad, [UInt8](repeating: 0, count: count)) }
        }
        for count in [0, aead.nonceBytes, aead.nonceBytes + 15] {
            #expect(throws: AEADError.malformed) { try aead.open([UInt8](repeating: 0, count: count), key, aad) }
        }
    }

    @Test("opens a slice that does not begin at 0")
    func slices() throws {
        let secret = SecretBytes(copying: key)
        let aes = [9, 9, 9] + (try AES256GCM.seal(SecretBytes(copying: plaintext), key: secret, aad: aad))
        let xaes = [9] + (try XAES256GCM.seal(SecretBytes(copying: plaintext), key: secret, aad: aad))
        let opened = (
            try AES256GCM.open(aes.dropFirst(3), key: secret, aad: aad).exposedCopy(),
            try XAES256GCM.open(xaes.dropFirst(), key: secret, aad: aad).exposedCopy()
        )
        #expect(opened == (plaintext, plaintext))
    }

    @Test("draws a new nonce for each box, also after the stock was used up")
    func nonces() throws {
        var seen: Set<[UInt8]> = []
        for _ in 0..<500 {
            seen.insert(Array(try AEADUnderTest.aes.seal([], key, [], nil).prefix(12)))
            seen.insert(Array(try AEADUnderTest.xaes.seal([], key, [], nil).prefix(24)))
        }
        #expect(seen.count == 1000)
    }

    @Test("leaves no derived key in the thread's scratch memory, and no key in its contexts")
    func emptied() throws {
        let box = try AEADUnderTest.xaes.seal(plaintext, key, aad, nil)
        let ciphers = try ThreadCiphers.current()
        let isClean = { UnsafeBufferPointer(start: ciphers.scratch, count: ThreadCiphers.scratchBytes).allSatisfy { $0 == 0 } }
        #expect(isClean())
        _ = try AEADUnderTest.xaes.open(box, key, aad)
        #expect(isClean())
        #expect(throws: AEADError.unauthentic) { try AEADUnderTest.xaes.open(box, key, []) }
        #expect(isClean())
        #expect(!ciphers.hasKey)
    }

    @Test("a thread's contexts are freed when it ends")
    func threadExit() {
        let witness = Witness()
        var thread = pthread_t()
        let created = pthread_create(&thread, nil, { argument in
            guard let argument else { return nil }
            let witness = Unmanaged<Witness>.fromOpaque(argument).takeUnretainedValue()
            witness.ciphers = try? ThreadCiphers.current()
            witness.wasUsed = witness.ciphers != nil
            return nil
        }, Unmanaged.passUnretained(witness).toOpaque())
        #expect(created == 0)
        pthread_join(thread, nil)
        #expect(witness.wasUsed && witness.ciphers == nil)
    }

    private final class Witness {
        weak var ciphers: ThreadCiphers?
        var wasUsed = false
    }
}
