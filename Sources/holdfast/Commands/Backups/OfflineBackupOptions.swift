import ArgumentParser
import Foundation
import KeyCore
import Primitives

/// Where a passphrase comes from: a file, standard input, or the terminal. Never an argument, which others on the machine could read.
struct OfflinePassphraseOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp(
        "Read the backup's passphrase from this file (mode 0600; - is standard input); without it you are asked.", valueName: "file"))
    var passphraseFile: String?

    /// The passphrase, at least 12 bytes.
    func read(confirming: Bool) throws -> SharedSecret {
        guard let passphraseFile else { return try ask(confirming) }
        let secret = try PrivateFile.read(passphraseFile == "-" ? "/dev/stdin" : passphraseFile, maxBytes: 4096).withoutTrailingNewline()
        guard secret.count >= 12 else { throw Complaint("expected a passphrase of at least 12 bytes, found \(secret.count)") }
        return SharedSecret(secret)
    }

    private func ask(_ confirming: Bool) throws -> SharedSecret {
        let first = try Terminal.readSecret(prompt: "Passphrase of the backup: ", maxBytes: 4096)
        if confirming {
            let second = try Terminal.readSecret(prompt: "The same again: ", maxBytes: 4096)
            guard first.isEqual(to: second) else { throw Complaint("the two passphrases differ; nothing was done") }
        }
        guard first.count >= 12 else { throw Complaint("expected a passphrase of at least 12 bytes, found \(first.count)") }
        return SharedSecret(first)
    }
}

/// What opens a backup.
struct OfflineOpenerOption: ParsableArguments {
    @OptionGroup var passphrase: OfflinePassphraseOption
    @Option(name: .long, help: ArgumentHelp("Open it with this private key (PKCS#8 PEM, mode 0600) instead.", valueName: "file"))
    var privateKey: String?

    func read() throws -> BackupOpener {
        guard let privateKey else { return .passphrase(try passphrase.read(confirming: false)) }
        do { return .privateKey(try PrivateKey(pkcs8PEM: try PrivateFile.read(privateKey, maxBytes: 1 << 16))) } catch let error as PrivateFile.Failure {
            throw error
        } catch {
            throw Complaint("\(privateKey): expected an RSA private key as PKCS#8 PEM without a passphrase: \(error)")
        }
    }
}

/// The public key that backups are encrypted to.
enum Recipient {
    static func read(_ path: String) throws -> PublicKey {
        guard let pem = FileManager.default.contents(atPath: path), pem.count < 1 << 16 else { throw Complaint("\(path) can't be read: expected an RSA public key in PEM") }
        do { return try PublicKey(spkiPEM: String(decoding: pem, as: UTF8.self)) } catch {
            throw Complaint("\(path): expected an RSA public key in PEM (BEGIN PUBLIC KEY): \(error)")
        }
    }
}

/// Shows on the terminal how far long work is.
final class Meter: Sendable {
    private let unit: String
    private let isShown = isatty(2) == 1

    init(_ unit: String) { self.unit = unit }

    func show(_ value: Int64) {
        if isShown { FileHandle.standardError.write(Data("\r\(value) \(unit)".utf8)) }
    }

    func end() {
        if isShown { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    }
}

/// The files of a data folder that a backup can hold: the configuration and what it names for TLS.
enum FolderMembers {
    /// - Returns: those within the folder; and the paths of those outside, which a backup can't put back.
    static func read(_ folder: DataFolder, _ configuration: Configuration) throws -> (found: [BackupMember], leftOut: [String]) {
        var names = ["holdfast.yaml"] + [configuration.outbound.caFile].compactMap(\.self)
        for certificate in configuration.dataPlane.certificates + configuration.management.certificates {
            names += [certificate.certificatePath, certificate.privateKeyPath]
            switch certificate.clients {
            case .none, .pinned: break
            case .optional(let path), .required(let path): names.append(path)
            }
        }
        var members: [BackupMember] = []
        for name in names where isInside(name) && !members.contains(where: { $0.name == name }) {
            members.append(BackupMember(name: name, content: SharedSecret(try content(folder.file(name)))))
        }
        let leftOut = names.filter { !isInside($0) }
        return (members, leftOut.enumerated().filter { leftOut.firstIndex(of: $1) == $0 }.map(\.element))
    }

    /// A key never leaves locked memory; a certificate that everybody may read needs no such care.
    private static func content(_ path: String) throws -> SecretBytes {
        do { return try PrivateFile.read(path, maxBytes: 1 << 20) } catch .tooOpen {
            guard let content = FileManager.default.contents(atPath: path) else { throw Complaint("\(path), which the configuration names, can't be read") }
            return SecretBytes(copying: content)
        }
    }

    /// Writes the files of a backup into a new folder.
    static func write(_ members: [BackupMember], to folder: DataFolder) throws {
        for member in members {
            guard isInside(member.name) else { throw Complaint("the backup names a file outside the data folder: “\(AuditText.clean(member.name, limit: 100))”") }
            let path = folder.file(member.name)
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try PrivateFile.create(path, member.content.bytes)
        }
    }

    /// Whether a path is relative and stays within the folder.
    static func isInside(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix("/") && name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && part != "." && part != ".." && part.utf8.allSatisfy { $0 > 0x1F && $0 != 0x7F }
        }
    }
}
