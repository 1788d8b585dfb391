import ArgumentParser
import Foundation
import KeyCore
import Primitives

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check an installation, then wrap and unwrap through TLS against the running server.",
        discussion: """
            Exit status 0 only when all is well. The real wrap and unwrap need a token: by default it is minted with the demo's
            development issuer; give --token-file otherwise.

            Example: holdfast doctor --data ./data
            """)

    @OptionGroup var data: DataOption
    @Option(name: .long, help: "The endpoint to try; the demo's by default, else the first.") var endpoint: String?
    @Option(name: .long, help: "A file with a token that the endpoint accepts.") var tokenFile: String?

    func run() async throws {
        let folder = try data.folder
        var checks = Checks()
        guard let configuration = await checks.run("configuration", { try folder.configuration() }) else { throw ExitCode.failure }
        let installation = await checks.run("database and root key") { try folder.open() }
        checkMachine(&checks, folder)
        checkCertificates(&checks, folder)
        await checks.run("audit journal") {
            guard let installation else { throw Complaint("the database is not open") }
            let report = try AuditComposition.verifier(installation).verify()
            guard report.isIntact else {
                throw Complaint(report.nodes.compactMap { $0.finding?.description }.joined(separator: "; "))
            }
        }
        if let installation {
            let probe = DoctorProbe(installation: installation, configuration: configuration, endpointName: endpoint, tokenFile: tokenFile)
            await probe.run(&checks)
        }
        print(checks.failures == 0 ? "All is well." : "\(checks.failures) of \(checks.count) checks failed.")
        if checks.failures > 0 { throw ExitCode.failure }
    }

    private func checkMachine(_ checks: inout Checks, _ folder: DataFolder) {
        checks.note("disk") {
            let attributes = try FileManager.default.attributesOfFileSystem(forPath: folder.path)
            let free = (attributes[.systemFreeSize] as? NSNumber)?.int64Value ?? 0
            guard free > 256 << 20 else { throw Complaint("\(free >> 20) MiB free: expected at least 256 MiB; the journal stops, and with it every key, when the disk is full") }
            return "\(free >> 20) MiB free"
        }
        checks.note("locked memory") {
            guard let limit = ProcessHardening.memoryLockLimitBytes, limit < 8 << 20 else { return "enough" }
            return "little: RLIMIT_MEMLOCK is \(limit) bytes; raise it to 8 MiB (ulimit -l, LimitMEMLOCK=, --ulimit memlock=-1)"
        }
        checks.note("clock") {
            let now = WallClock.system.now
            guard let newest = try FileManager.default.attributesOfItem(atPath: folder.databasePath)[.modificationDate] as? Date,
                newest.timeIntervalSince1970 > Double(now.seconds) + 60
            else { return now.short }
            throw Complaint("it reads \(now.short), earlier than the database's last change; tokens will be refused: set it by NTP")
        }
    }

    private func checkCertificates(_ checks: inout Checks, _ folder: DataFolder) {
        checks.note("certificates") {
            var notes: [String] = []
            for files in try CertificateFiles.all(folder) {
                guard let leaf = try files.leaf(files.certificate) else { throw Complaint("\(files.certificate) can't be read") }
                let content = FileManager.default.contents(atPath: files.certificate) ?? Data()
                try files.check(String(decoding: content, as: UTF8.self), SharedSecret(try PrivateFile.read(files.key, maxBytes: 64 << 10)))
                let days = (leaf.notAfter - WallClock.system.now.seconds) / 86400
                guard days >= 0 else { throw Complaint("\(files.certificate) expired on \(Instant(seconds: leaf.notAfter).short)") }
                notes.append("\(files.serverNames.first ?? "-"): \(days) days left\(days < 30 ? " (stage the next one)" : "")")
            }
            return notes.joined(separator: ", ")
        }
    }
}

/// Runs checks one after the other, prints each with its time, counts those that failed.
struct Checks {
    private(set) var count = 0
    private(set) var failures = 0

    @discardableResult mutating func run<R>(_ name: String, _ body: () async throws -> R) async -> R? {
        let start = MonotonicClock.nanoseconds
        do {
            let result = try await body()
            report(name, "", failed: false, since: start)  // the result may be a token
            return result
        } catch {
            report(name, "\(error)", failed: true, since: start)
            return nil
        }
    }

    mutating func note(_ name: String, _ body: () throws -> String) {
        let start = MonotonicClock.nanoseconds
        do { report(name, try body(), failed: false, since: start) } catch { report(name, "\(error)", failed: true, since: start) }
    }

    private mutating func report(_ name: String, _ text: String, failed: Bool, since start: UInt64) {
        count += 1
        if failed { failures += 1 }
        let tenths = (MonotonicClock.nanoseconds - start) / 100_000
        let time = "\(tenths / 10).\(tenths % 10) ms"
        let padded = name + String(repeating: " ", count: max(1, 24 - name.count))
        print("\(failed ? "FAIL" : "ok  ")  \(padded)\(String(repeating: " ", count: max(0, 10 - time.count)))\(time)  \(text)")
    }
}
