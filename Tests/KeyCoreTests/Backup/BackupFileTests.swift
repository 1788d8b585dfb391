import Foundation
import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("A backup's file") struct BackupFileTests {
    private let fixture: BackupFixture
    private static let opener = BackupOpener.passphrase(BackupFixture.passphrase)

    init() throws { fixture = try BackupFixture() }

    /// What the check of these bytes says; nil if they are a good backup.
    private func complaint(_ bytes: [UInt8], _ opener: BackupOpener = opener) throws -> BackupError? {
        let path = fixture.file(UUID().uuidString)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
            _ = try BackupCheck.run(path, opener: opener)
            return nil
        } catch let error as BackupError { return error }
    }

    private func bytes(_ path: String) -> [UInt8] { Array(FileManager.default.contents(atPath: path) ?? Data()) }

    /// Where the first chunk begins.
    private func front(_ bytes: [UInt8]) -> Int { 14 + bytes[10..<14].reduce(0) { $0 << 8 | Int($1) } }

    /// A backup of several chunks.
    private func large() async throws -> [UInt8] {
        for number in 0..<4 {
            try await fixture.policy("p\(number)", versions: [String(repeating: "x", count: 50_000)])
        }
        _ = try await fixture.key("k")
        return bytes(try await fixture.backUp())
    }

    @Test("holds all rows, is found complete, and is readable for its owner only")
    func roundTrip() async throws {
        let key = try await fixture.key("disk")
        let path = try await fixture.backUp(members: [BackupMember(name: "tls/server.key", content: BackupFixture.secret("private"))])
        let report = try BackupCheck.run(path, opener: BackupFileTests.opener)
        #expect(report.tables["keys"] == 1)
        #expect(report.secrets == 1)
        #expect(report.files == 1)
        #expect(report.header.counts.keyVersions == 1)
        #expect(report.header.epoch == 1)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        #expect(try await fixture.world.keys.find(key.id.description) == key)
    }

    @Test("opens with the recipient's private key and with no other")
    func recipient() async throws {
        let (mine, other) = (try PrivateKey.generate(.rsa(bits: 2048)), try PrivateKey.generate(.rsa(bits: 2048)))
        _ = try await fixture.key("disk")
        let path = try await fixture.backUp(secret: .recipient(mine.publicKey))
        #expect(try BackupCheck.run(path, opener: .privateKey(mine)).secrets == 1)
        #expect(throws: BackupError.self) { try BackupCheck.run(path, opener: .privateKey(other)) }
        #expect(throws: BackupError.self) { try BackupCheck.run(path, opener: BackupFileTests.opener) }
    }

    @Test("does not open with another passphrase, and says so")
    func wrongPassphrase() async throws {
        let found = try complaint(bytes(try await fixture.backUp()), .passphrase(BackupFixture.secret("another passphrase")))
        guard case .locked(let text)? = found else { Issue.record("\(String(describing: found))"); return }
        #expect(text.contains("passphrase does not open"))
    }

    @Test("is refused when it is cut anywhere, and a cut between two chunks is told as one")
    func truncation() async throws {
        let whole = try await large()
        let (start, box) = (front(whole), (64 << 10) + 40)
        try #require(whole.count > start + 3 * box)
        #expect(try complaint(Array(whole[..<(start + 2 * box)])) == .damaged("the backup ends too early: its last part is missing; fetch the file again"))
        for cut in [0, 5, 13, 14, start - 1, start, start + 10, start + box + 1, whole.count - 1] {
            #expect(try complaint(Array(whole[..<cut])) != nil, "cut at \(cut)")
        }
    }

    @Test("is refused when a bit is changed, in the header too")
    func bitFlips() async throws {
        let whole = try await large()
        let start = front(whole)
        #expect(try complaint(whole) == nil)
        var places = [0, 8, 9, 12, 20, start - 2, start, start + 30, whole.count - 1]
        var random = SeededGenerator(seed: 1)
        for _ in 0..<20 { places.append(Int.random(in: start..<whole.count, using: &random)) }
        for place in places {
            var changed = whole
            changed[place] ^= 1
            #expect(try complaint(changed) != nil, "byte \(place)")
        }
    }

    @Test("is refused when chunks are exchanged, left out, repeated, or something follows")
    func reorder() async throws {
        let whole = try await large()
        let (start, box) = (front(whole), (64 << 10) + 40)
        let head = Array(whole[..<start])
        let (first, second) = (Array(whole[start..<(start + box)]), Array(whole[(start + box)..<(start + 2 * box)]))
        let rest = Array(whole[(start + 2 * box)...])
        #expect(try complaint(head + first + second + rest) == nil)
        for pieces in [second + first + rest, first + rest, first + first + second + rest, first + second + rest + first, first + second + rest + [0]] {
            guard case .damaged? = try complaint(head + pieces) else { Issue.record("accepted"); continue }
        }
    }

    @Test("a part of one backup is refused in another with the same passphrase")
    func splice() async throws {
        let a = try await large()
        let b = bytes(try await fixture.backUp("second.hfb"))
        #expect(try complaint(Array(a[..<front(a)]) + Array(b[front(b)...])) != nil)
    }

    @Test("of a future format is refused with the versions' numbers")
    func futureFormat() throws {
        let header = Array(#"{"anything":"new"}"#.utf8)
        let file = Array("HOLDFBAK".utf8) + [0, 2, 0, 0, 0, UInt8(header.count)] + header + [1, 2, 3]
        #expect(try complaint(file) == .unreadable("the backup has format 2, this version knows format 1: use a newer version"))
        guard case .unreadable? = try complaint(Array("PK something else".utf8)) else { Issue.record("accepted"); return }
    }

    @Test("N25: no plaintext key bytes are in it, nor in the files of a restore")
    func noPlaintext() async throws {
        let material = try SecretBytes(randomCount: 32).exposedCopy()
        fixture.source.generates(material)
        _ = try await fixture.world.keys.create(name: "k", purpose: .wrap, algorithm: .aes256, source: fixture.source)
        let staging = try fixture.stage(try await fixture.backUp())
        #expect(FileManager.default.subpaths(atPath: fixture.world.folder)?.contains { $0.hasPrefix(BackupStaging.prefix) } == true)
        #expect(try fixture.world.files(holding: material) == [])
        #expect(try fixture.world.files(holding: Array("HOLDFBAK".utf8)) == ["b.hfb"])  // the search does find things
        withExtendedLifetime(staging) {}
    }

    @Test("an unfinished one leaves nothing under its name, and the next try succeeds")
    func unfinished() async throws {
        let path = fixture.file("b.hfb")
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path + ".partial"))  // as after kill -9
        _ = try await fixture.backUp()
        #expect(!FileManager.default.fileExists(atPath: path + ".partial"))
        #expect(try complaint(bytes(path)) == nil)
        await #expect(throws: FileError.self) { _ = try await fixture.backUp() }  // never over another one
    }
}
