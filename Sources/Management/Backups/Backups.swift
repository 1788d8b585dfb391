import Hummingbird
package import KeyCore
import NIOCore
package import Primitives
import Synchronization

/// Makes, takes in, checks and restores the backups of a running installation; one such work at a time.
package final class Backups: Sendable {
    let folder: BackupFolder
    let catalogue: BackupCatalogue
    private let stores: Stores
    private let program: String
    private let members: @Sendable () throws -> (found: [BackupMember], leftOut: [String])
    private let thread: BlockingThread
    private let isBusy = Mutex(false)
    private let plans: KeptPlans
    private let reserve: DiskReserve

    /// The largest file that is taken in.
    static let maxUploadBytes = 64 << 30

    /// - Parameters:
    ///   - folder: where the files stand; made if it isn't there. What an earlier process left half done is removed.
    ///   - program: the version that headers name.
    ///   - members: reads the files of the data folder that a backup can hold, and names those that it can't.
    ///   - reserve: how much of the disk a backup must leave free.
    package init(
        _ stores: Stores, folder: String, program: String, members: @escaping @Sendable () throws -> (found: [BackupMember], leftOut: [String]) = { ([], []) },
        reserve: DiskReserve = DiskReserve()
    ) throws {
        (plans, self.reserve) = (KeptPlans(folder: BackupFolder(path: folder)), reserve)
        self.folder = BackupFolder(path: folder)
        catalogue = BackupCatalogue(database: stores.database)
        (self.stores, self.program, self.members) = (stores, program, members)
        thread = try BlockingThread("holdfast-backups")
        try self.folder.prepare()
    }

    /// Brings catalogue and folder together: files without a row are entered, rows without a file removed.
    package func reconcile() async throws {
        let (files, rows) = (Set(try folder.ids()), try await catalogue.ids())
        for id in rows.subtracting(files) { try await catalogue.remove(id) }
        for id in files.subtracting(rows) {
            guard let reader = try? BackupFileReader(folder.file(id)), reader.header.id == id else { continue }
            try await catalogue.add(reader.header, bytes: reader.size, origin: .found, by: "server", at: stores.clock.now)
        }
    }

    // MARK: Making and taking in

    func make(
        _ order: BackupOrder, includesFiles: Bool, origin: StoredBackup.Origin, by actor: String
    ) async throws -> StoredBackup {
        try await alone {
            var order = order
            if includesFiles { (order.members, order.leftOut) = try members() }
            let (reserve, path) = (reserve, folder.path)
            try Backups.requireRoom(reserve, path)
            order.mayGrow = { try Backups.requireRoom(reserve, path) }
            let maker = BackupMaker(database: stores.database, sealer: stores.sealer, clock: stores.clock, program: program)
            let (header, bytes) = try await maker.make(order, at: folder.file(order.id))
            return try await catalogue.add(header, bytes: bytes, origin: origin, by: actor, at: stores.clock.now)
        }
    }

    /// Takes in a file as it comes.
    func take(_ body: RequestBody, by actor: String) async throws -> StoredBackup {
        let path = try folder.newUpload()
        do {
            var (count, unchecked, file) = (0, 0, try FileInProgress(path))
            try Backups.requireRoom(reserve, folder.path)
            for try await part in body {
                count += part.readableBytes
                guard count <= Backups.maxUploadBytes else {
                    throw Problem(.bodyTooLarge, "a backup is at most \(Backups.maxUploadBytes) bytes")
                }
                unchecked += part.readableBytes
                if unchecked > DiskReserve.step {
                    try Backups.requireRoom(reserve, folder.path)
                    unchecked = 0
                }
                let bytes = Array(part.readableBytesView)
                file = try await write(bytes, to: file)
            }
            let whole = file
            let (header, size) = try await thread.run {
                try whole.finish()
                let reader = try BackupFileReader(path)
                return (reader.header, reader.size)
            }
            let id = header.id
            guard try await !catalogue.ids().contains(id) else { throw StoreError.exists("the backup \(id)") }
            let place = folder.file(id)
            try await thread.run {
                do { try AtomicFile.place(path, as: place) } catch let error as FileError where error.category == .exists {
                    throw StoreError.exists("the backup \(id)")
                }
            }
            return try await catalogue.add(header, bytes: size, origin: .uploaded, by: actor, at: stores.clock.now)
        } catch {
            try? Directory.remove(path)
            throw error
        }
    }

    private func write(_ bytes: [UInt8], to file: FileInProgress) async throws -> FileInProgress {
        try await thread.run {
            try file.append(bytes)
            return file
        }
    }

    func delete(_ id: UUIDBytes) async throws {
        let backup = try await catalogue.find(id)
        try Directory.remove(folder.file(backup.id))  // first: a row without a file is removed at the next start, not the other way round
        try await catalogue.remove(id)
        try plans.remove(of: id)
    }

    /// A backup's file, read while it is sent.
    func content(of id: UUIDBytes) async throws -> (ResponseBody, bytes: UInt64) {
        _ = try await catalogue.find(id)
        let (path, thread) = (folder.file(id), thread)
        let file = try FileReader(path)
        let size = try file.size()
        let body = ResponseBody(contentLength: Int(size)) { writer in
            var offset: UInt64 = 0
            while offset < size {
                let start = offset
                let piece = try await thread.run { try file.read(at: start, count: 256 << 10) }
                guard !piece.isEmpty else { throw FileError("read", path, code: 5) }  // it was cut meanwhile: so is the connection
                try await writer.write(ByteBuffer(bytes: piece))
                offset += UInt64(piece.count)
            }
            try await writer.finish(nil)
        }
        return (body, size)
    }

    // MARK: Checking and restoring

    /// Reads a backup to its end.
    func check(_ id: UUIDBytes, _ opener: BackupOpener) async throws -> Result<BackupReport, BackupError> {
        try await alone {
            let path = folder.file(try await catalogue.find(id).id)
            let result = try await thread.run { () -> Result<BackupReport, BackupError> in
                do { return .success(try BackupCheck.run(path, opener: opener)) } catch let error as BackupError {
                    if case .locked = error { throw error }
                    return .failure(error)
                }
            }
            let verdict = switch result {
            case .success: "intact"
            case .failure(let error): error.description
            }
            try await catalogue.note(verdict, of: id, at: stores.clock.now)
            return result
        }
    }

    func plan(_ id: UUIDBytes, _ opener: BackupOpener, _ order: RestoreOrder) async throws -> RestorePlan {
        let plan = try await restoring(id, opener) { try await $0.plan($1, order) }
        let (plans, now) = (plans, stores.clock.now)
        try await thread.run { try plans.keep(plan, of: id, at: now) }
        return plan
    }

    /// The plan that was shown under a confirmation; nil if it isn't kept.
    func plan(_ confirmation: String, of id: UUIDBytes) async throws -> JSONValue? {
        let plans = plans
        return try await thread.run { try plans.find(confirmation, of: id) }
    }

    func restore(_ id: UUIDBytes, _ opener: BackupOpener, _ order: RestoreOrder, permit: @escaping Restore.Permit) async throws -> RestorePlan {
        try await restoring(id, opener) { try await $0.run($1, order, permit: permit) }
    }

    private func restoring(
        _ id: UUIDBytes, _ opener: BackupOpener, _ body: (Restore, BackupStaging) async throws -> RestorePlan
    ) async throws -> RestorePlan {
        try await alone {
            let (path, working) = (folder.file(try await catalogue.find(id).id), folder.path)
            let staging = try await thread.run { try BackupStaging(path, opener: opener, folder: working) }
            return try await body(Restore(database: stores.database, sealer: stores.sealer, clock: stores.clock), staging)
        }
    }

    private static func requireRoom(_ reserve: DiskReserve, _ path: String) throws(BackupError) {
        do { try reserve.check(path) } catch { throw .refused("\(error)") }
    }

    private func alone<R>(_ body: () async throws -> R) async throws -> R {
        let isFree = isBusy.withLock { busy in
            defer { busy = true }
            return !busy
        }
        guard isFree else { throw BackupError.refused("another backup, check or restore is at work; try again when it has ended") }
        defer { isBusy.withLock { $0 = false } }
        return try await body()
    }
}

extension Problem {
    /// The problem that a backup's failure becomes.
    init(_ error: BackupError, secret field: String) {
        switch error {
        case .locked(let text): self = Problem(.invalidField, text, faults: [FieldFault(field, expected: "what opens this backup")])
        case .unreadable(let text), .damaged(let text), .refused(let text): self.init(.wrongState, text)
        case .unconfirmed(let text): self.init(.confirmationRequired, text)
        }
    }
}
