import Glibc
import Primitives
import Synchronization

@testable import KeyCore

/// A folder with journals that goes with the test.
final class AuditFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/holdfast-audit-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit {
        for name in (try? Directory.names(in: path)) ?? [] { unlink(file(name)) }
        rmdir(path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func names(_ suffix: String = ".jsonl") throws -> [String] {
        try Directory.names(in: path).filter { $0.hasSuffix(suffix) }
    }

    func read(_ name: String) throws -> [UInt8] {
        let reader = try FileReader(file(name))
        return try reader.read(at: 0, count: Int(try reader.size()))
    }

    func lines(_ name: String) throws -> [String] {
        String(decoding: try read(name), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func write(_ bytes: [UInt8], to name: String) {
        let descriptor = open(file(name), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    func write(_ lines: [String], to name: String) { write(lines.flatMap { Array($0.utf8) + [0x0A] }, to: name) }

    /// The events of all whole lines of all segments, in order.
    func events() throws -> [String] {
        try names().flatMap { try lines($0) }.compactMap { AuditLine(Array($0.utf8))?.event }
    }

    var configuration: AuditJournalConfiguration {
        var configuration = AuditJournalConfiguration(folder: path, node: AuditNode("n1")!)
        configuration.deadline = .seconds(20)
        return configuration
    }

    func journal(
        _ files: any JournalFiles = DiskFiles(), anchor: AuditHead? = nil, signer: CheckpointSigner? = .test,
        heads: Heads = Heads(), _ adjust: (inout AuditJournalConfiguration) -> Void = { _ in }
    ) throws -> AuditJournal {
        var configuration = configuration
        adjust(&configuration)
        return try AuditJournal(configuration, signer: signer, anchor: anchor, headStore: { heads.append($0) }, files: files)
    }

    func verify(anchors: [AuditHead] = [], allowsMissingBeginning: Bool = false) throws -> AuditReport {
        try AuditVerifier(
            folder: path, checkpoints: .test, anchors: anchors, allowsMissingBeginning: allowsMissingBeginning
        ).verify()
    }
}

/// The heads that a journal handed out.
final class Heads: Sendable {
    private let heads = Mutex<[AuditHead]>([])
    func append(_ head: AuditHead) { heads.withLock { $0.append(head) } }
    var all: [AuditHead] { heads.withLock { $0 } }
}

extension CheckpointSigner {
    /// Signs by a sum that only the tests know; the real one is Ed25519.
    static let test = CheckpointSigner(name: "test") { [0x53] + $0.map { $0 &* 7 } }
}

extension CheckpointVerifier {
    static let test = CheckpointVerifier { message, signature, signer in signer == "test" && signature == [0x53] + message.map { $0 &* 7 } }
}

extension AuditEvent {
    static let testUnwrap = AuditEvent("test.unwrap")
}

extension AuditRecord {
    static func test(_ request: String = "r") -> AuditRecord {
        var record = AuditRecord(.testUnwrap, .allowed, at: Instant(seconds: 1_790_000_000))
        record.requestID = request
        return record
    }
}

/// A disk that fails as told.
final class FaultyFiles: JournalFiles {
    struct Faults {
        var syncDelay: Duration = .zero
        /// Synchronisation hangs for as long as this is set.
        var isStuck = false
        /// The next append writes only so many bytes and fails with this number.
        var append: (written: Int, code: Int32)?
        var sync: Int32?
        var truncate: Int32?
        var create: Int32?
        var syncs = 0
        var creations = 0
    }

    let faults = Mutex(Faults())
    var syncs: Int { faults.withLock { $0.syncs } }

    func set(_ change: (inout Faults) -> Void) { faults.withLock { change(&$0) } }

    func create(_ path: String) throws(FileError) -> any JournalFile {
        if let code = faults.withLock({ $0.creations += 1; return $0.create }) { throw FileError("create", path, code: code) }
        return FaultyFile(file: try AppendOnlyFile(creating: path), disk: self)
    }
    func open(_ path: String) throws(FileError) -> any JournalFile { FaultyFile(file: try AppendOnlyFile(opening: path), disk: self) }
    func syncDirectory(_ path: String) throws(FileError) { try Directory.sync(path) }
}

struct FaultyFile: JournalFile {
    let file: AppendOnlyFile
    let disk: FaultyFiles

    func append(_ bytes: [UInt8]) throws(FileError) {
        guard let fault = disk.faults.withLock({ $0.append }) else { return try file.append(bytes) }
        try file.append(Array(bytes.prefix(fault.written)))
        throw FileError("write", file.path, code: fault.code)
    }
    func dataSync() throws(FileError) {
        let (delay, code) = disk.faults.withLock { ($0.syncDelay, $0.sync) }
        while disk.faults.withLock({ $0.isStuck }) { NativeThread.sleep(.milliseconds(2)) }
        if delay > .zero { NativeThread.sleep(delay) }
        if let code { throw FileError("fdatasync", file.path, code: code) }
        try file.dataSync()
        disk.set { $0.syncs += 1 }
    }
    func truncate(to size: UInt64) throws(FileError) {
        if let code = disk.faults.withLock({ $0.truncate }) { throw FileError("truncate", file.path, code: code) }
        try file.truncate(to: size)
    }
    func pathState() throws(FileError) -> AppendOnlyFile.PathState { try file.pathState() }
}

/// Waits until something holds, for at most five seconds; whether it did.
func eventually(_ condition: () throws -> Bool) async throws -> Bool {
    let limit = MonotonicClock.nanoseconds + 5_000_000_000
    while MonotonicClock.nanoseconds < limit {
        if try condition() { return true }
        try await Task.sleep(for: .milliseconds(3))
    }
    return false
}

let firstSegment = "journal-n1-0000000001.jsonl"
let secondSegment = "journal-n1-0000000002.jsonl"
let thirdSegment = "journal-n1-0000000003.jsonl"
