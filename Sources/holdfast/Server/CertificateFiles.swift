import Foundation
import Primitives

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
