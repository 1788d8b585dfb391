import Foundation
import KeyCore
import Logging
import Primitives
import Synchronization

/// Certificates from their files: loaded at start, and again when a file changes. What can't be loaded leaves the last good ones
/// in use and is told in the log.
final class CertificateWatch: Sendable {
    private let folder: DataFolder
    private let certificates: [Configuration.Certificate]
    private let applicationProtocols: [String]
    private let logger: Logger
    private let ticketKeys = TLSTicketKeys()
    private let seen = Mutex<[String: FileStamp]>([:])
    private let loaded = Mutex<[Loaded]>([])

    /// A certificate in use.
    struct Loaded: Sendable {
        /// Its first server name.
        let name: String
        let notAfter: Instant
        let fingerprint: String
    }

    /// The certificates in use, as they were loaded last.
    var certificatesInUse: [Loaded] { loaded.withLock { $0 } }

    /// A watch on the files of these certificates.
    init(_ certificates: [Configuration.Certificate], in folder: DataFolder, applicationProtocols: [String] = ["h2", "http/1.1"], logger: Logger) {
        (self.certificates, self.folder, self.logger) = (certificates, folder, logger)
        self.applicationProtocols = applicationProtocols
    }

    /// The identities as the files have them now.
    func load() throws -> TLSServerContext {
        seen.withLock { $0 = stamps() }
        var identities: [TLSServerIdentity] = []
        var found: [Loaded] = []
        for certificate in certificates {
            identities.append(TLSServerIdentity(
                serverNames: certificate.serverNames, certificatePEM: try text(folder.file(certificate.certificatePath)),
                privateKeyPEM: SharedSecret(try PrivateFile.read(folder.file(certificate.privateKeyPath), maxBytes: 64 << 10)),
                clientCertificates: try clients(certificate.clients)))
        }
        for identity in identities {
            guard let leaf = try? Certificate.chain(pem: identity.certificatePEM).first else { continue }
            found.append(Loaded(
                name: identity.serverNames.first ?? leaf.subject, notAfter: Instant(seconds: leaf.notAfter),
                fingerprint: Hex.string(leaf.sha256Fingerprint)))
        }
        let context = try TLSServerContext(identities: identities, ticketKeys: ticketKeys, applicationProtocols: applicationProtocols)
        loaded.withLock { $0 = found }
        return context
    }

    /// Loads and hands over, or tells why not.
    func reload(_ use: (TLSServerContext) -> Void) {
        do {
            use(try load())
            logger.notice("certificates loaded")
        } catch {
            logger.error("certificates can't be loaded; the last ones stay in use", metadata: ["error": "\(error)"])
        }
    }

    /// Looks once a second whether a file has changed.
    func follow(_ use: @Sendable (TLSServerContext) -> Void) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            let present = stamps()
            if seen.withLock({ $0 != present }) { reload(use) }
        }
    }

    private struct FileStamp: Equatable {
        let modified: Date?
        let size: Int?
        let inode: Int?
    }

    private func stamps() -> [String: FileStamp] {
        var stamps: [String: FileStamp] = [:]
        for certificate in certificates {
            var paths = [certificate.certificatePath, certificate.privateKeyPath]
            switch certificate.clients {
            case .none, .pinned: break
            case .optional(let path), .required(let path): paths.append(path)
            }
            for path in paths {
                let attributes = try? FileManager.default.attributesOfItem(atPath: folder.file(path))
                stamps[path] = FileStamp(
                    modified: attributes?[.modificationDate] as? Date, size: (attributes?[.size] as? NSNumber)?.intValue,
                    inode: (attributes?[.systemFileNumber] as? NSNumber)?.intValue)
            }
        }
        return stamps
    }

    private func clients(_ clients: Configuration.Certificate.Clients) throws -> TLSServerIdentity.ClientCertificates {
        switch clients {
        case .none: .none
        case .pinned: .pinned
        case .optional(let path): .optional(trustPEM: try text(folder.file(path)))
        case .required(let path): .required(trustPEM: try text(folder.file(path)))
        }
    }

    private func text(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20 else {
            throw Complaint("\(path): expected a PEM file of at most 1 MiB that can be read")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
