import Foundation
import Glibc
import Testing

@testable import Primitives

@Suite("Private files") struct PrivateFileTests {
    let folder = ScratchFolder()

    private func file(_ content: String, mode: mode_t) throws -> String {
        let path = folder.path("secret")
        try content.write(toFile: path, atomically: false, encoding: .utf8)
        try #require(chmod(path, mode) == 0)
        return path
    }

    @Test("reads a file that only its owner can read", arguments: [0o600, 0o400, 0o700] as [mode_t])
    func reads(mode: mode_t) throws {
        #expect(try PrivateFile.read(try file("key\n", mode: mode), maxBytes: 100).exposedCopy() == Array("key\n".utf8))
        #expect(try PrivateFile.read(try file("", mode: mode), maxBytes: 100).count == 0)
    }

    @Test("refuses one that others can read, write or run, and says what to do", arguments: [
        (0o644, "0644"), (0o640, "0640"), (0o604, "0604"), (0o660, "0660"), (0o620, "0620"), (0o602, "0602"), (0o601, "0601"), (0o777, "0777"),
    ] as [(mode_t, String)])
    func refusesOpenModes(mode: mode_t, text: String) throws {
        let path = try file("key", mode: mode)
        let failure = failure { _ = try PrivateFile.read(path, maxBytes: 100) }
        #expect(failure == .tooOpen(path: path, mode: text))
        #expect(failure?.description == "\(path): expected mode 0600, found \(text); run: chmod 600 \(path)")
    }

    @Test("refuses a larger file than expected, takes one of just that size")
    func sizes() throws {
        let path = try file(String(repeating: "x", count: 1000), mode: 0o600)
        #expect(try PrivateFile.read(path, maxBytes: 1000).count == 1000)
        #expect(failure { _ = try PrivateFile.read(path, maxBytes: 999) } == .tooLarge(path: path, limit: 999))
        #expect(failure { _ = try PrivateFile.read(path, maxBytes: 0) } == .tooLarge(path: path, limit: 0))
    }

    @Test("names the file that is missing, and the folder that is no file")
    func missing() {
        let missing = folder.path("missing")
        #expect(failure { _ = try PrivateFile.read(missing, maxBytes: 10) }?.description == "\(missing): can't be opened: No such file or directory")
        #expect(failure { _ = try PrivateFile.read(folder.path(""), maxBytes: 10) }?.description.contains("directory") == true)
    }

    @Test("refuses a file of another user", .enabled(if: geteuid() == 0))
    func foreign() throws {
        let path = try file("key", mode: 0o600)
        try #require(chown(path, 65534, 65534) == 0)
        #expect(failure { _ = try PrivateFile.read(path, maxBytes: 10) } == .foreign(path: path))
    }

    @Test("reads a pipe to its end, whatever its mode")
    func pipe() async throws {
        let path = folder.path("pipe")
        try #require(mkfifo(path, 0o644) == 0)
        let writer = Thread { try? "from a pipe".write(toFile: path, atomically: false, encoding: .utf8) }
        writer.start()
        #expect(try PrivateFile.read(path, maxBytes: 100).exposedCopy() == Array("from a pipe".utf8))
    }

    @Test("creates a file of mode 0600 whatever the umask, and never replaces one")
    func creates() throws {
        let path = folder.path("new")
        try PrivateFile.create(path, SecretBytes(copying: "key".utf8))
        var status = stat()
        #expect(lstat(path, &status) == 0)
        #expect(status.st_mode == S_IFREG | 0o600)
        #expect(try PrivateFile.read(path, maxBytes: 10).exposedCopy() == Array("key".utf8))
        let second = failure { try PrivateFile.create(path, SecretBytes(copying: "other".utf8)) }
        #expect(second?.description == "\(path): can't be created: File exists")
        #expect(try PrivateFile.read(path, maxBytes: 10).exposedCopy() == Array("key".utf8))
        try PrivateFile.create(folder.path("empty"), SecretBytes(copying: []))
        #expect(try PrivateFile.read(folder.path("empty"), maxBytes: 10).count == 0)
    }

    @Test("follows no link when it creates, and needs the folder to be there")
    func createsNowhereElse() throws {
        try #require(symlink(folder.path("target"), folder.path("link")) == 0)
        #expect(failure { try PrivateFile.create(folder.path("link"), SecretBytes(copying: "k".utf8)) } != nil)
        #expect(access(folder.path("target"), F_OK) != 0)
        #expect(failure { try PrivateFile.create(folder.path("no/where"), SecretBytes(copying: "k".utf8)) }?.description.contains("No such file") == true)
    }

    private func failure(_ body: () throws -> Void) -> PrivateFile.Failure? {
        do { try body() } catch { return error as? PrivateFile.Failure }
        return nil
    }
}
