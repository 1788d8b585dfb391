import ArgumentParser
import Foundation
import Primitives

struct CertificateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate", abstract: "List, export, stage and activate TLS certificates.",
        discussion: """
            Google Cloud's EKM over VPC pins the leaf certificate, so a renewal breaks every connection until the new leaf has been
            added there. Therefore: stage the next certificate, export its DER, add it in Google Cloud, then activate it here.
            """,
        subcommands: [List.self, Show.self, Export.self, Stage.self, Activate.self])

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the active and the staged certificates.", discussion: "Example: holdfast certificate list")
        @OptionGroup var options: ReadOptions

        func run(_ api: APIClient) async throws { try await CertificateOutput.show(api) }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "The same as `certificate list`.", discussion: "Example: holdfast certificate show")
        @OptionGroup var options: ReadOptions

        func run(_ api: APIClient) async throws { try await CertificateOutput.show(api) }
    }

    struct Export: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Write a leaf certificate's DER, for Google Cloud's EkmConnection.",
            discussion: "Example: holdfast certificate export --staged --out next.der")
        @OptionGroup var options: ReadOptions
        @OptionGroup var which: CertificateOption
        @Flag(name: .long, help: "The staged certificate instead of the active one.") var staged = false
        @Option(name: .long, help: "der (the leaf) or pem (with its intermediates).") var format = "der"
        @Option(name: .long, help: "The file to write.") var out: String

        func run(_ api: APIClient) async throws {
            let path = "certificates/\(try await which.id(api))/export"
            let reply = try await api.send("GET", path, query: [("form", format), ("staged", staged ? "true" : nil)])
            let what = format == "der" ? "SHA-256 \(Hex.string(Digest.sha256(reply.body)))" : "PEM"
            do { try AtomicFile.replace(out, with: reply.body) } catch { throw Complaint("\(out) can't be written: \(error)") }
            print("\(out): \(reply.body.count) bytes, \(what)")
        }
    }

    struct Stage: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "stage", abstract: "Lay the next certificate and key ready, without showing them to anybody yet.",
            discussion: """
                Without files the server makes the next pair itself.

                Example: holdfast certificate stage --certificate next.pem --private-key next.key
                """)
        @OptionGroup var options: ChangeOptions
        @OptionGroup var which: CertificateOption
        @Option(name: .long, help: "PEM: the leaf, then its intermediates.") var certificate: String?
        @Option(name: .long, help: "PEM: its private key; mode 0600.") var privateKey: String?

        func validate() throws {
            guard privateKey == nil || certificate != nil else { throw ValidationError("--private-key: expected --certificate too") }
        }

        func run(_ api: APIClient) async throws {
            let key = try privateKey.map { String(decoding: try PrivateFile.read($0, maxBytes: 64 << 10).exposedCopy(), as: UTF8.self) }
            let body = APIBody.json([
                "certificate": try certificate.map { .string(try InputFile.text($0)) }, "private_key": .given(key),
            ])
            let path = "certificates/\(try await which.id(api))/stage"
            guard let reply = try await api.change("POST", path, options, body: body) else { return }
            api.show(reply)
            Note.print("Export it with `certificate export --staged`, go live with `certificate activate`.")
        }
    }

    struct Activate: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "activate", abstract: "Show the staged certificate from now on.", discussion: "Example: holdfast certificate activate")
        @OptionGroup var options: ChangeOptions
        @OptionGroup var which: CertificateOption

        func run(_ api: APIClient) async throws {
            let path = "certificates/\(try await which.id(api))/activate"
            if let reply = try await api.change("POST", path, options) { api.show(reply) }
        }
    }
}

/// Which of the configured certificates is meant.
struct CertificateOption: ParsableArguments {
    @Option(name: .long, help: "The server name whose certificate is meant; the data plane's first by default.") var serverName: String?

    func id(_ api: APIClient) async throws -> String {
        let items = try await api.send("GET", "certificates").document["items"]?.array ?? []
        let found = serverName == nil ? items.first : items.first { item in
            item["server_names"]?.array?.contains(.string(serverName ?? "")) == true || item["id"]?.string == serverName
        }
        guard let id = found?["id"]?.string else {
            throw Complaint("no certificate is configured for \(serverName ?? "anything"); `holdfast certificate list` shows those that are")
        }
        return id
    }
}

/// Certificates as people see them.
enum CertificateOutput {
    static func show(_ api: APIClient) async throws {
        let reply = try await api.send("GET", "certificates")
        guard !api.asJSON else { return api.show(reply) }
        var table = Table("WHICH", "ID", "NAMES", "VALID UNTIL", "SHA-256 FINGERPRINT", "SUBJECT")
        for item in reply.document["items"]?.array ?? [] {
            for which in ["active", "staged"] {
                guard let leaf = item[which], leaf != .null else { continue }
                table.add([which, Cell.text(item["id"]), Cell.text(item["server_names"])] + ["not_after", "sha256", "subject"].map { Cell.text(leaf[$0]) })
            }
        }
        table.print(whenEmpty: "No certificates.")
    }
}
