import Foundation
import KeyCore
import Management
import Primitives

/// The certificates that the configuration names, in their files, with the staged ones beside them.
struct ConfiguredCertificates: CertificateShelf {
    private struct Entry {
        let id: String
        let listeners: [String]
        let files: CertificateFiles
    }

    private let entries: [Entry]
    private let clock: WallClock
    /// How long a self-signed certificate is valid.
    private static let days: Int64 = 397

    /// The certificates of both listeners; the management listener shows the data plane's if it has none of its own.
    init(_ installation: Installation) {
        let (folder, configuration) = (installation.folder, installation.configuration)
        let (data, own) = (configuration.dataPlane.certificates, configuration.management.certificates)
        func entry(_ certificate: Configuration.Certificate, _ id: String, _ listeners: [String]) -> Entry {
            Entry(id: id, listeners: listeners, files: CertificateFiles(
                serverNames: certificate.serverNames, certificate: folder.file(certificate.certificatePath),
                key: folder.file(certificate.privateKeyPath)))
        }
        entries = data.enumerated().map { entry($1, "data-\($0 + 1)", own.isEmpty ? ["data", "management"] : ["data"]) }
            + own.enumerated().map { entry($1, "management-\($0 + 1)", ["management"]) }
        clock = installation.clock
    }

    func certificates() throws -> [ShelvedCertificate] { entries.map(shelved) }

    func stage(_ id: String, certificatePEM: String?, privateKey: SharedSecret?) throws -> ShelvedCertificate {
        let entry = try find(id)
        guard let certificatePEM else {
            try stageOwn(entry.files)
            return shelved(entry)
        }
        let key: SharedSecret
        if let privateKey {
            key = privateKey
        } else {
            guard FileManager.default.fileExists(atPath: entry.files.stagedKey) else {
                throw CertificateShelfError.unusable(field: "private_key", expected: "the certificate's private key, because no key is staged")
            }
            key = SharedSecret(try writing { try PrivateFile.read(entry.files.stagedKey, maxBytes: 64 << 10) })
        }
        do { try entry.files.check(certificatePEM, key) } catch {
            throw CertificateShelfError.unusable(field: "certificate", expected: "PEM of a certificate, its intermediates, and the key that belongs to it: \(error)")
        }
        try write(entry.files, certificatePEM, key)
        return shelved(entry)
    }

    func activate(_ id: String) throws -> ShelvedCertificate {
        let entry = try find(id)
        guard try entry.files.leaf(entry.files.stagedCertificate) != nil else { throw CertificateShelfError.nothingStaged }
        try writing { try entry.files.activate() }
        return shelved(entry)
    }

    // MARK: Parts

    private func find(_ id: String) throws(CertificateShelfError) -> Entry {
        guard let entry = entries.first(where: { $0.id == id }) else { throw .unknown }
        return entry
    }

    /// A new P-256 key with a self-signed certificate for the names it is chosen by.
    private func stageOwn(_ files: CertificateFiles) throws {
        try writing {
            let key = try PrivateKey.generate(.ec(.p256))
            let pem = try CertificateDraft(names: files.names).selfSigned(with: key, now: clock.now.seconds, days: ConfiguredCertificates.days)
            try write(files, pem, SharedSecret(try key.pkcs8PEM()))
        }
    }

    private func write(_ files: CertificateFiles, _ certificatePEM: String, _ key: SharedSecret) throws {
        try writing {
            var bytes = key.bytes.exposedCopy()
            defer { bytes.wipe() }
            try AtomicFile.replace(files.stagedKey, with: bytes)
            try AtomicFile.replace(files.stagedCertificate, with: Array(certificatePEM.utf8))
        }
    }

    private func writing<R: ~Copyable>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as CertificateShelfError { throw error } catch {
            throw CertificateShelfError.files("\(error)")
        }
    }

    private func shelved(_ entry: Entry) -> ShelvedCertificate {
        ShelvedCertificate(
            id: entry.id, listeners: entry.listeners, serverNames: entry.files.serverNames, active: entry.files.chain(entry.files.certificate),
            staged: entry.files.chain(entry.files.stagedCertificate), request: entry.files.request())
    }
}

extension CertificateFiles {
    /// The certificates of a file; none if it can't be read.
    func chain(_ path: String) -> [Certificate] {
        guard let content = FileManager.default.contents(atPath: path), content.count <= 1 << 20 else { return [] }
        return (try? Certificate.chain(pem: String(decoding: content, as: UTF8.self))) ?? []
    }

    /// The names that the next certificate should have: those of the present one, or by which it is chosen.
    var names: [String] {
        let leaf = chain(certificate).first
        let names = (leaf?.dnsNames ?? []) + (leaf?.ipAddresses ?? [])
        return names.isEmpty ? serverNames : names
    }

    /// A request for the staged key, for a CA.
    func request() -> String? {
        guard FileManager.default.fileExists(atPath: stagedKey), let pem = try? PrivateFile.read(stagedKey, maxBytes: 64 << 10) else { return nil }
        guard let key = try? PrivateKey(pkcs8PEM: pem, validation: .ownExport) else { return nil }
        return try? CertificateDraft(names: names).request(with: key)
    }
}
