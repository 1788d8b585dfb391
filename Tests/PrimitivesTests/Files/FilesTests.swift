import Glibc
import Primitives
import Synchronization
import Testing

/// A folder that goes with the test.
final class FilesScratchFolder: Sendable {
    let path: String
    init() {
        var template = Array("/tmp/holdfast-files-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }
    deinit {
        for name in (try? Directory.names(in: path)) ?? [] where unlink("\(path)/\(name)") != 0 { rmdir("\(path)/\(name)") }
        rmdir(path)
    }
    func file(_ name: String) -> String { "\(path)/\(name)" }
    func read(_ name: String) throws -> String {
        let file = try FileReader(self.file(name))
        return String(decoding: try file.read(at: 0, count: Int(try file.size())), as: UTF8.self)
    }
    func mode(_ name: String) -> mode_t {
        var status = stat()
        stat(file(name), &status)
        return status.st_mode & 0o7777
    }
}

@Suite("Files") struct FilesTests {
    let folder = FilesScratchFolder()

    private func owner(_ name: String) -> uid_t {
        var status = stat()
        lstat(folder.file(name), &status)
        return status.st_uid
    }

    @Test("what root replaces or makes in somebody's folder stays or becomes theirs; what root had there stays root's", .enabled(if: geteuid() == 0))
    func owners() throws {
        for name in ["mine", "theirs", "moved", "target", "roots"] { _ = try AppendOnlyFile(creating: folder.file(name)) }
        chown(folder.path, 12345, 12345)
        for name in ["mine", "target"] { chown(folder.file(name), 12345, 12345) }
        chown(folder.file("theirs"), 54321, 54321)
        let owners = FolderOwners(of: folder.path)
        try AtomicFile.replace(folder.file("mine"), with: [1])
        #expect(owner("mine") == 12345)
        try AtomicFile.move(folder.file("moved"), to: folder.file("target"))
        #expect(owner("target") == 12345)
        unlink(folder.file("theirs"))
        for name in ["theirs", "new"] { _ = try AppendOnlyFile(creating: folder.file(name)) }
        symlink("/etc/passwd", folder.file("link"))
        owners.restore()
        #expect(["theirs", "new", "link", "roots"].map(owner) == [54321, 12345, 12345, 0])
        var status = stat()
        stat("/etc/passwd", &status)
        #expect(status.st_uid == 0)
    }

    @Test("a file is placed under a name only if nothing has it")
    func place() throws {
        for name in ["a", "b"] { try AppendOnlyFile(creating: folder.file(name)).append(Array(name.utf8)) }
        #expect(throws: FileError.self) { try AtomicFile.place(folder.file("a"), as: folder.file("b")) }
        #expect(try folder.read("a") == "a" && folder.read("b") == "b")
        try AtomicFile.place(folder.file("a"), as: folder.file("c"))
        #expect(try Directory.names(in: folder.path) == ["b", "c"])
    }

    @Test("an append-only file is created once, for its owner only, and keeps everything in order")
    func append() throws {
        let file = try AppendOnlyFile(creating: folder.file("a"))
        try file.append(Array("one ".utf8))
        try file.append([])
        try file.append(Array("two".utf8))
        try file.dataSync()
        #expect(try folder.read("a") == "one two")
        #expect(try file.size() == 7)
        #expect(folder.mode("a") == 0o600)
        #expect(throws: FileError("create", folder.file("a"), code: EEXIST)) { try AppendOnlyFile(creating: folder.file("a")) }
        let again = try AppendOnlyFile(opening: folder.file("a"))
        try again.append(Array("!".utf8))
        try again.truncate(to: 5)
        try again.append(Array("wo!".utf8))
        #expect(try folder.read("a") == "one two!")
    }

    @Test("nothing but a regular file is opened: no link, no folder, no pipe")
    func regularOnly() throws {
        _ = try AppendOnlyFile(creating: folder.file("a"))
        symlink(folder.file("a"), folder.file("link"))
        mkdir(folder.file("folder"), 0o700)
        mkfifo(folder.file("pipe"), 0o600)
        for name in ["link", "folder", "pipe"] {
            let error = #expect(throws: FileError.self, "\(name)") { try AppendOnlyFile(opening: folder.file(name)) }
            #expect(error?.category == .replaced, "\(name)")
        }
        #expect(throws: FileError.self) { try FileReader(folder.file("link")) }
        let missing = #expect(throws: FileError.self) { try AppendOnlyFile(opening: folder.file("none")) }
        #expect(missing?.category == .notFound)
        #expect(missing?.description == "can't open \(folder.file("none")): No such file or directory")
    }

    @Test("a full disk is told apart from other failures")
    func categories() {
        #expect(FileError("write", "x", code: ENOSPC).category == .noSpace)
        #expect(FileError("write", "x", code: EDQUOT).category == .noSpace)
        #expect(FileError("open", "x", code: EACCES).category == .permission)
        #expect(FileError("write", "x", code: EIO).category == .io)
    }

    @Test("a file knows whether its path still names it, and how large it is there")
    func pathState() throws {
        let file = try AppendOnlyFile(creating: folder.file("a"))
        try file.append([1, 2, 3])
        #expect(try file.pathState() == .same(size: 3))
        try AppendOnlyFile(opening: folder.file("a")).append([4])
        #expect(try file.pathState() == .same(size: 4))
        truncate(folder.file("a"), 1)
        #expect(try file.pathState() == .same(size: 1))
        rename(folder.file("a"), folder.file("b"))
        #expect(try file.pathState() == .missing)
        _ = try AppendOnlyFile(creating: folder.file("a"))
        #expect(try file.pathState() == .replaced)
        unlink(folder.file("a"))
        symlink(folder.file("b"), folder.file("a"))
        #expect(try file.pathState() == .replaced)
    }

    @Test("a small file is replaced as a whole, privately, and leaves nothing behind")
    func replace() throws {
        try AtomicFile.replace(folder.file("a"), with: Array("old".utf8))
        try AtomicFile.replace(folder.file("a"), with: Array("new".utf8))
        #expect(try folder.read("a") == "new")
        #expect(folder.mode("a") == 0o600)
        mkdir(folder.file("folder"), 0o700)
        #expect(throws: FileError.self) { try AtomicFile.replace(folder.file("folder"), with: [1]) }
        #expect(throws: FileError.self) { try AtomicFile.replace(folder.file("none/a"), with: [1]) }
        #expect(try Directory.names(in: folder.path) == ["a", "folder"])
    }

    @Test("a lock has one owner, also within one process, and ends with it")
    func lock() throws {
        var first: FileLock? = try FileLock(folder.file("lock"))
        let error = #expect(throws: FileError.self) { try FileLock(folder.file("lock")) }
        #expect(error?.category == .locked)
        _ = consume first
        first = nil
        _ = try FileLock(folder.file("lock"))
    }

    @Test("folders are created once, and not over a file")
    func directory() throws {
        try Directory.create(folder.file("sub"))
        try Directory.create(folder.file("sub"))
        try Directory.sync(folder.file("sub"))
        _ = try AppendOnlyFile(creating: folder.file("a"))
        #expect(throws: FileError.self) { try Directory.create(folder.file("a")) }
        #expect(throws: FileError.self) { try Directory.names(in: folder.file("none")) }
        #expect(Directory.parent(of: "/a/b") == "/a")
        #expect(Directory.parent(of: "/a") == "/")
        #expect(Directory.parent(of: "a") == ".")
    }
}

@Suite("Monitor") struct MonitorTests {
    @Test("a thread sleeps until it is notified, and sees what changed")
    func notify() async throws {
        let monitor = Monitor(0, signals: 1)
        let seen = Monitor<Int?>(nil, signals: 1)
        try NativeThread.start("waiter") {
            let value = monitor.wait(for: 0) { $0 > 0 ? .done($0) : .wait(until: nil) }
            seen.withLock { $0 = value }
            seen.notify(0)
        }
        monitor.withLock { $0 = 7 }
        monitor.notify(0)
        let limit = MonotonicClock.nanoseconds + 5_000_000_000
        #expect(seen.wait(for: 0) { $0 != nil || MonotonicClock.nanoseconds > limit ? .done($0) : .wait(until: limit) } == 7)
    }

    @Test("a time-out wakes without a notification, and not before its time")
    func timeout() {
        let monitor = Monitor((), signals: 1)
        let start = MonotonicClock.nanoseconds
        monitor.wait(for: 0) { _ in
            MonotonicClock.nanoseconds >= start + 20_000_000 ? .done(()) : .wait(until: start + 20_000_000)
        }
        let waited = MonotonicClock.nanoseconds - start
        #expect(waited >= 20_000_000 && waited < 2_000_000_000)
    }

    @Test("a sleep lasts as long as was asked for")
    func sleep() {
        let start = MonotonicClock.nanoseconds
        NativeThread.sleep(.milliseconds(15))
        #expect(MonotonicClock.nanoseconds - start >= 15_000_000)
    }
}
