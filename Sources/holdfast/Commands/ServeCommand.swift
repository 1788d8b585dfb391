import ArgumentParser
import Dispatch
import Foundation
import Logging
import Primitives

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the server until SIGTERM or SIGINT.",
        discussion: """
            SIGTERM and SIGINT drain: requests in progress are answered, then the process ends. SIGHUP loads certificates again
            (which also happens by itself when a file changes).

            Example: holdfast serve --data /var/lib/holdfast
            """)

    @OptionGroup var data: DataOption

    @Option(name: .long, help: ArgumentHelp("Write the real addresses to this file, as JSON, once the server answers.", valueName: "file"))
    var readyFile: String?

    func run() async throws {
        let folder = try data.folder
        let configuration = try folder.configuration()
        let level = LogLevel(Logger.Level(rawValue: configuration.log.level) ?? .info)
        let logger = ServerLog.logger(configuration.log.format, level: level)
        if configuration.development.allowsCoreDumps {
            logger.critical("development.allowCoreDumps is on: a core dump of this process would hold keys; never use it in production")
        }
        // The schema is brought up to date only where no other server, perhaps of another version, works with it.
        let lock = try OfflineLock(folder) { "another server runs on \(folder.path) and writes the journal of \($0): stop it first" }
        let installation = try folder.open(migrates: true)
        lock.release()
        let server = try await Server(installation, logLevel: level, logger: logger)
        warnAboutMemoryLock(logger)
        let signals = Signals()
        signals.onHangUp { server.reloadCertificates() }
        try await server.run(readyFile: readyFile) { await signals.stop() }
    }

    private func warnAboutMemoryLock(_ logger: Logger) {
        let status = SecretMemory.status
        let limit = ProcessHardening.memoryLockLimitBytes
        guard status.unlockedBytes > 0 || (limit ?? .max) < 8 << 20 else { return }
        logger.warning("""
            secrets may be swapped to disk: RLIMIT_MEMLOCK is \(limit.map { "\($0) bytes" } ?? "unlimited"), \
            \(status.unlockedBytes) bytes could not be locked; raise it with “ulimit -l unlimited”, LimitMEMLOCK=infinity \
            in the systemd unit, or --ulimit memlock=-1 for a container
            """)
    }
}

/// The process's signals as things to wait for.
final class Signals: @unchecked Sendable {  // everything is set in init and only activated afterwards
    private let queue = DispatchQueue(label: "holdfast.signals")
    private let stops: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]
    private let hangUp: any DispatchSourceSignal

    init() {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        stops = stream
        signal(SIGPIPE, SIG_IGN)
        signal(SIGHUP, SIG_IGN)
        hangUp = DispatchSource.makeSignalSource(signal: SIGHUP, queue: queue)
        sources = [SIGTERM, SIGINT].map { [queue] number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { continuation.yield() }
            source.activate()
            return source
        }
    }

    /// Calls `body` on each SIGHUP.
    func onHangUp(_ body: @escaping @Sendable () -> Void) {
        hangUp.setEventHandler(handler: body)
        hangUp.activate()
    }

    /// Returns at the first SIGTERM or SIGINT.
    func stop() async { for await _ in stops { return } }
}
