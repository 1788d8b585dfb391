import Foundation
import Primitives
import Synchronization

/// Who asks is refused: no use to go on.
struct CSERefusal: Error, CustomStringConvertible {
    let description: String
}

/// The password of key files, asked for when the first of them needs it.
final class CSEKeyPassword: Sendable {
    private let file: String?
    private let known = Mutex<SharedSecret?>(nil)

    init(file: String?) { self.file = file }

    func read() throws -> SecretBytes {
        if let known = known.withLock({ $0 }) { return known.bytes.copy() }
        let input = SecretInput(what: "password of the key files", file: file, option: "--password-file", variable: "HOLDFAST_KEY_PASSWORD")
        let secret = SharedSecret(SecretBytes(copying: Array(try input.read().utf8)))
        known.withLock { $0 = secret }
        return secret.bytes.copy()
    }
}

/// Has an endpoint wrap one S/MIME key after the other.
struct CSEKeyWrapping {
    let url: String
    let connection: HTTPClientConnection
    let token: String
    let perimeter: String
    let folder: String
    let overwrites: Bool
    let password: CSEKeyPassword
    private let client = HTTPClient(threads: 1)

    init(
        url: String, connection: HTTPClientConnection, token: String, perimeter: String, folder: String, overwrites: Bool, password: CSEKeyPassword
    ) {
        (self.url, self.connection, self.token, self.perimeter) = (url, connection, token, perimeter)
        (self.folder, self.overwrites, self.password) = (folder, overwrites, password)
    }

    /// Wraps the key of a file and writes what Gmail's tools read.
    /// - Returns: what was done, in a few words.
    func wrap(_ path: String) async throws -> String {
        let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        if !overwrites, name.contains("@"), FileManager.default.fileExists(atPath: file(name, "wrap")) { return "\(name): is there already" }
        let content = try PrivateFile.read(path, maxBytes: 64 << 10)
        let found = try KeyFile(content, password: password.read)
        let address = try CSEKeyWrapping.address(name, found.certificates.first)
        if !overwrites, FileManager.default.fileExists(atPath: file(address, "wrap")) { return "\(address): is there already" }
        let wrapped = try await wrapped(found.key)
        let document: JSONValue = ["kacls_url": .string(url), "wrapped_private_key": .string(wrapped)]
        try AtomicFile.replace(file(address, "wrap"), with: document.json + [0x0A])
        guard !found.certificates.isEmpty else { return address }
        try AtomicFile.replace(file(address, "p7pem"), with: Array(try CertificateBundle.pkcs7PEM(found.certificates).utf8))
        return "\(address), with \(found.certificates.count) certificates"
    }

    private func file(_ address: String, _ end: String) -> String { (folder as NSString).appendingPathComponent("\(address).\(end)") }

    /// Whose key it is: the file's name, or else the mailbox in the certificate. It becomes a file's name.
    private static func address(_ name: String, _ certificate: Certificate?) throws -> String {
        for text in [name] + (certificate?.emailAddresses ?? []) {
            let isMailbox = text.split(separator: "@", omittingEmptySubsequences: false).count == 2 && !text.hasPrefix("@") && !text.hasSuffix("@")
            if isMailbox, !text.hasPrefix("."), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2F }) { return text }
        }
        throw Complaint("expected a file named after its owner, as ann@example.com.pem, or a certificate with a mailbox")
    }

    private func wrapped(_ key: PrivateKey) async throws -> String {
        var request = HTTPClientRequest(
            method: "POST", url: url + "/wrapprivatekey", headers: [HTTPClientHeader("Content-Type", "application/json")],
            body: try body(key), connection: connection)
        defer { request.body.wipe() }
        let response: HTTPClientResponse
        do { response = try await client.send(request) } catch { throw CSERefusal(description: "\(url) can't be called: \(error)") }
        let document = (try? JSONValue(parsing: response.body)) ?? .null
        if response.status == 200, let wrapped = document["wrapped_private_key"]?.string { return wrapped }
        let words = "\(response.status) \(Cell.clean(document["message"]?.string ?? "")) (\(Cell.clean(document["details"]?.string ?? "")))"
        if [401, 403, 404].contains(response.status) { throw CSERefusal(description: words) }
        throw Complaint(words)
    }

    private func body(_ key: PrivateKey) throws -> [UInt8] {
        var writer = JSONWriter(reserving: 8 << 10)
        writer.openObject()
        writer.member("authentication", token)
        writer.member("perimeter_id", perimeter)
        writer.member("private_key", base64: try key.pkcs8DER())
        writer.member("reason", "holdfast cse wrap-private-key")
        writer.closeObject()
        return writer.bytes
    }
}
