import Primitives
import TestSupport
import Testing

@testable import KeyCore

@Suite("Wrapped blobs") struct WrappedBlobTests {
    static let keyID = KeyID("00112233-4455-6677-8899-aabbccddeeff")!

    @Test("the layout: HF, format, key id, version, algorithm, then the box")
    func golden() throws {
        let header = WrappedBlob.Header(keyID: Self.keyID, version: 0x0102_0304, algorithm: .xaes256GCM)
        #expect(Hex.string(header.bytes) == "484601" + "00112233445566778899aabbccddeeff" + "01020304" + "01")
        let blob = try #require(WrappedBlob(header.bytes + [0xB0, 0xB1]))
        #expect(blob.header == header)
        #expect(Array(blob.box) == [0xB0, 0xB1])
    }

    @Test("a box of known key, nonce and plaintext is the same bytes for ever")
    func goldenBox() throws {
        let key = SecretBytes(copying: (0..<32).map { UInt8($0) })
        let header = WrappedBlob.Header(keyID: Self.keyID, version: 1, algorithm: .xaes256GCM).bytes
        let bound = WrappedBlob.associatedData(label: .ekm, header: header, aad: Array("aad".utf8))
        #expect(Hex.string(bound) == "0c" + Hex.string("holdfast/ekm".utf8) + Hex.string(header) + "0000000000000003" + "616164")
        let box = try XAES256GCM.seal(SecretBytes(copying: "dek".utf8), key: key, aad: bound, nonce: [UInt8](repeating: 7, count: 24))
        #expect(box.count == 24 + 3 + 16)
        let opened = try XAES256GCM.open(box, key: key, aad: bound).exposedCopy()
        #expect(opened == Array("dek".utf8))
    }

    @Test("what is too short or has another magic, format or algorithm is no blob")
    func refused() {
        let good = WrappedBlob.Header(keyID: Self.keyID, version: 1, algorithm: .xaes256GCM).bytes
        for count in 0..<24 { #expect(WrappedBlob(Array(good.prefix(count))) == nil) }
        for (offset, values) in [(0, [0, 0x47, 0x49]), (1, [0, 0x47]), (2, [0, 2, 255]), (23, [0, 3, 255])] as [(Int, [UInt8])] {
            for value in values {
                var bytes = good
                bytes[offset] = value
                #expect(WrappedBlob(bytes) == nil)
            }
        }
        #expect(WrappedBlob(good)?.box.isEmpty == true)
    }

    @Test("no two of 20,000 triples of label, header and AAD give the same associated data, though their parts run together alike")
    func injective() {
        var random = SeededGenerator(seed: 57)
        var owners: [[UInt8]: String] = [:]
        for _ in 0..<20_000 {
            let label = [DomainLabel.ekm, .kacls].randomElement(using: &random) ?? .ekm
            let header = (0..<24).map { _ in [0x00, 0x2F, 0x65].randomElement(using: &random) ?? 0 } as [UInt8]
            let aad = (0..<Int.random(in: 0...3, using: &random)).map { _ in [0x00, 0x2F, 0x65].randomElement(using: &random) ?? 0 } as [UInt8]
            let triple = "\(label) \(header) \(aad)"
            let bytes = WrappedBlob.associatedData(label: label, header: header, aad: aad)
            #expect(owners.updateValue(triple, forKey: bytes).map { $0 == triple } ?? true)
        }
        let header = [UInt8](repeating: 0, count: 24)
        #expect(
            WrappedBlob.associatedData(label: .ekm, header: header, aad: [])
                != WrappedBlob.associatedData(label: .ekm, header: header + [0, 0, 0, 0, 0, 0, 0, 0], aad: []))
        #expect(DomainLabel.ekm.rawValue.utf8.count <= 255 && DomainLabel.kacls.rawValue.utf8.count <= 255)
    }
}
