import ArgumentParser
import Foundation
import KeyCore
import Management
import Primitives

struct CertificateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate", abstract: "Show, export, stage and activate the data plane's certificates.",
        discussion: """
            Google Cloud's EKM over VPC pins the leaf certificate, so a renewal breaks every connection until the new leaf has been
            added there. Therefore: stage the next certificate, export its DER, add it in Google Cloud, then activate it here.
            """,
        subcommands: [Show.self, Export.self, Stage.self, Activate.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show the active and the staged certificates.")
        @OptionGroup var data: DataOption

        func run() async throws {
            var table = Table("WHICH", "NAMES", "VALID UNTIL", "SHA-256 FINGERPRINT", "SUBJECT")
            for files in try CertificateFiles.all(data.folder) {
                for (which, path) in [("active", files.certificate), ("staged", files.stagedCertificate)] {
                    guard let leaf = try files.leaf(path) else { continue }
                    table.add(
                        which, leaf.dnsNames.joined(separator: " "), Instant(seconds: leaf.notAfter).short,
                        Hex.string(leaf.sha256Fingerprint), leaf.subject)
                }
            }
            table.print(whenEmpty: "No certificates.")
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Write a leaf certificate's DER, for Google Cloud's EkmConnection.",
            discussion: "Example: holdfast certificate export --staged --out next.der --data ./data")
        @OptionGroup var data: DataOption
        @Flag(name: .long, help: "The staged certificate instead of the active one.") var staged = false
        @Option(name: .long, help: "The server name whose certificate is meant; the first by default.") var serverName: String?
        @Option(name: .long, help: "The file to write.") var out: String

        func run() async throws {
            let files = try CertificateFiles.find(data.folder, serverName)
            guard let leaf = try files.leaf(staged ? files.stagedCertificate : files.certificate) else {
                throw Complaint("no certificate is \(staged ? "staged" : "there"): expected \(staged ? files.stagedCertificate : files.certificate)")
            }
            try Data(leaf.der).write(to: URL(fileURLWithPath: out))
            print("\(out): \(leaf.der.count) bytes, SHA-256 \(Hex.string(leaf.sha256Fingerprint))")
        }
    }

    struct Stage: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "stage", abstract: "Lay the next certificate and key ready, without showing them to anybody yet.")
        @OptionGroup var data: DataOption
        @Option(name: .long, help: "PEM: the leaf, then its intermediates.") var certificate: String
        @Option(name: .long, help: "PEM: its private key; mode 0600.") var privateKey: String
        @Option(name: .long, help: "The server name that it is for; the first by default.") var serverName: String?

        func run() async throws {
            Hardening.apply(allowsDumps: false)
            let files = try CertificateFiles.find(data.folder, serverName)
            guard let content = FileManager.default.contents(atPath: certificate) else { throw Complaint("\(certificate) can't be read") }
            let key = try PrivateFile.read(privateKey, maxBytes: 64 << 10)
            try files.check(String(decoding: content, as: UTF8.self), SharedSecret(key.copy()))
            try? FileManager.default.removeItem(atPath: files.stagedKey)
            try PrivateFile.create(files.stagedKey, key)
            try content.write(to: URL(fileURLWithPath: files.stagedCertificate), options: .atomic)
            print("staged: \(files.stagedCertificate); export it with `certificate export --staged`, go live with `certificate activate`")
        }
    }

    struct Activate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "activate", abstract: "Show the staged certificate from now on; a running server takes it within two seconds.")
        @OptionGroup var data: DataOption
        @Option(name: .long, help: "The server name that it is for; the first by default.") var serverName: String?

        func run() async throws {
            let files = try CertificateFiles.find(data.folder, serverName)
            guard let leaf = try files.leaf(files.stagedCertificate) else { throw Complaint("no certificate is staged: `certificate stage` first") }
            try await Administration.run(data) { administration in
                try files.activate()
                try await administration.record(AuditEvent.certificateActivated, target: leaf.subject) {
                    $0.cause = "sha256 " + Hex.string(leaf.sha256Fingerprint)
                }
                print("active: \(leaf.subject), valid until \(Instant(seconds: leaf.notAfter).short)")
            }
        }
    }
}

/// The files of one configured certificate, with those of the staged one beside them (`….next`).
struct CertificateFiles {
    let serverNames: [String]
    let certificate: String
    let key: String
    var stagedCertificate: String { certificate + ".next" }
    var stagedKey: String { key + ".next" }

    static func all(_ folder: DataFolder) throws -> [CertificateFiles] {
        try folder.configuration().dataPlane.certificates.map {
            CertificateFiles(
                serverNames: $0.serverNames, certificate: folder.file($0.certificatePath), key: folder.file($0.privateKeyPath))
        }
    }

    static func find(_ folder: DataFolder, _ name: String?) throws -> CertificateFiles {
        let all = try all(folder)
        guard let found = name == nil ? all.first : all.first(where: { $0.serverNames.contains(name ?? "") }) else {
            throw Complaint("no certificate is configured for \(name ?? ""); expected one of \(all.flatMap(\.serverNames).joined(separator: ", "))")
        }
        return found
    }

    /// The first certificate of a file; nil if there is no such file.
    func leaf(_ path: String) throws -> Certificate? {
        guard let content = FileManager.default.contents(atPath: path) else { return nil }
        return try Certificate.chain(pem: String(decoding: content, as: UTF8.self)).first
    }

    /// Throws unless a listener could show them.
    func check(_ certificatePEM: String, _ key: SharedSecret) throws {
        _ = try TLSServerContext(
            identities: [TLSServerIdentity(serverNames: serverNames, certificatePEM: certificatePEM, privateKeyPEM: key)],
            ticketKeys: TLSTicketKeys())
    }

    /// Puts the staged files in the place of the active ones. The key goes first: a server that looks in between finds a pair that
    /// doesn't match, keeps the last good one, and looks again a second later.
    func activate() throws {
        let content = FileManager.default.contents(atPath: stagedCertificate) ?? Data()
        let secret = SharedSecret(try PrivateFile.read(stagedKey, maxBytes: 64 << 10))
        try check(String(decoding: content, as: UTF8.self), secret)
        var bytes = secret.bytes.exposedCopy()
        defer { bytes.wipe() }
        try AtomicFile.replace(key, with: bytes)
        try AtomicFile.replace(certificate, with: Array(content))
        for path in [stagedKey, stagedCertificate] { try FileManager.default.removeItem(atPath: path) }
    }
}
