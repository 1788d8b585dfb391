import ArgumentParser
import Foundation
import Primitives

struct CSEWrapPrivateKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wrap-private-key", abstract: "Wrap users' S/MIME keys into the files that Gmail's tools upload.",
        discussion: """
            Reads private keys (PEM with PKCS#8 or PKCS#1, DER, PKCS#12; mode 0600), has the endpoint wrap each, and writes ADDRESS.wrap: the
            JSON with kacls_url and wrapped_private_key that Google's cse_cmd.py and GAM read. Where a file holds certificates too, they go
            to ADDRESS.p7pem. ADDRESS is the file's name without its end, or else the mailbox in its certificate. Who asks is shown by an
            ID token of somebody whom the endpoint's options name under privileged.wrap_private_key.

            Passwords of key files and the token are read from files (- for standard input), from HOLDFAST_KEY_PASSWORD and HOLDFAST_CSE_TOKEN,
            or at the terminal; never from the command line.

            Example: holdfast cse wrap-private-key hq keys/ --out wrapped/ --token-file id-token
            """)
    @OptionGroup var server: ServerOption
    @Argument(help: "The endpoint, by name or id.") var endpoint: String
    @Argument(help: "Key files, or folders of them.") var inputs: [String]
    @Option(name: .long, help: "The folder to write to.") var out: String
    @Option(name: .long, help: "The endpoint's URL, so that the management API isn't asked for it.") var url: String?
    @Option(name: .long, help: "The authority that vouches for the URL, in PEM; the system's by default (or HOLDFAST_CA).") var caFile: String?
    @Option(name: .long, help: "The file with the ID token; - for standard input.") var tokenFile: String?
    @Option(name: .long, help: "The file with the password of the key files.") var passwordFile: String?
    @Option(name: .long, help: "The perimeter that the keys belong to.") var perimeter = ""
    @Flag(name: .long, help: "Wrap again what has its file already.") var overwrite = false

    func run() async throws {
        Hardening.apply(allowsDumps: false)
        let files = try inputs.flatMap(CSEWrapPrivateKeyCommand.keyFiles)
        guard !files.isEmpty else { throw UsageFailure("no key files: expected names that end in \(CSEWrapPrivateKeyCommand.ends.joined(separator: ", "))") }
        let url = if let url { url } else { try await endpointURL() }
        let token = try SecretInput(what: "ID token", file: tokenFile, option: "--token-file", variable: "HOLDFAST_CSE_TOKEN", maxBytes: 16 << 10).read()
        do { try Directory.create(out) } catch { throw Complaint("\(out): expected a folder that can be written to: \(error)") }
        let wrapping = CSEKeyWrapping(
            url: url, connection: try connection(), token: token, perimeter: perimeter, folder: out, overwrites: overwrite,
            password: CSEKeyPassword(file: passwordFile))
        var failures = 0
        for (index, file) in files.enumerated() {
            do {
                Note.print("[\(index + 1)/\(files.count)] \(try await wrapping.wrap(file))")
            } catch {
                failures += 1
                Note.print("[\(index + 1)/\(files.count)] FAILED \(file): \(error)")
                if error is CSERefusal { break }  // the same token would be refused for each
            }
        }
        print("\(files.count - failures) of \(files.count) keys are in \(out)")
        if failures > 0 { throw ExitCode.failure }
    }

    private func endpointURL() async throws -> String {
        let api = APIClient(try APIServer.find(server), asJSON: false)
        let document = try await api.send("GET", Collection.endpoints.thing(try await api.id(endpoint, in: .endpoints))).document
        guard document["door"]?.string == "kacls", let url = document["url"]?.string else {
            throw Complaint("\(endpoint) is no endpoint for client-side encryption; `holdfast endpoint list` shows those that are")
        }
        return url
    }

    private func connection() throws -> HTTPClientConnection {
        var connection = HTTPClientConnection()
        guard let file = caFile ?? ProcessInfo.processInfo.environment["HOLDFAST_CA"], !file.isEmpty else { return connection }
        guard FileManager.default.isReadableFile(atPath: file) else { throw UsageFailure("\(file): expected a PEM file that can be read") }
        connection.trust = .file(file)
        return connection
    }

    private static let ends = [".pem", ".key", ".p8", ".der", ".p12", ".pfx"]

    /// A file as it is; of a folder those whose names tell that they are keys.
    private static func keyFiles(_ path: String) throws -> [String] {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { throw UsageFailure("\(path) does not exist") }
        guard attributes[.type] as? FileAttributeType == .typeDirectory else { return [path] }
        return try FileManager.default.contentsOfDirectory(atPath: path).sorted().filter { name in ends.contains { name.lowercased().hasSuffix($0) } }
            .map { (path as NSString).appendingPathComponent($0) }
    }
}
