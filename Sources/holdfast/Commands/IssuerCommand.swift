import ArgumentParser
import Foundation
import KeyCore
import Management
import Primitives

struct IssuerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issuer", abstract: "Add, list, enable, disable issuers: who signs tokens that we believe.",
        subcommands: [List.self, Add.self, SetEnabled.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List all issuers.")
        @OptionGroup var data: DataOption
        @OptionGroup var output: OutputOption

        func run() async throws {
            let issuers = try await data.folder.open().issuers.list()
            if output.json { return print(json(issuers)) }
            var table = Table("NAME", "ENABLED", "ISS", "KEYS FROM", "ALGORITHMS")
            for issuer in issuers {
                table.add(
                    issuer.name + (issuer.isDevelopment ? " (development)" : ""), issuer.isEnabled ? "yes" : "no",
                    issuer.values.joined(separator: " "), origin(issuer), issuer.algorithms.map(\.rawValue).sorted().joined(separator: " "))
            }
            table.print(whenEmpty: "No issuers. Add Google: holdfast issuer add google --google")
        }

        private func origin(_ issuer: Issuer) -> String {
            switch issuer.keys {
            case .jwksURL(let url): url
            case .pinned: "pinned"
            }
        }

        private func json(_ issuers: [Issuer]) -> String {
            var writer = JSONWriter()
            writer.array { writer in
                for issuer in issuers {
                    writer.object { writer in
                        writer.member("id", issuer.id.description)
                        writer.member("name", issuer.name)
                        writer.member("enabled", issuer.isEnabled)
                        writer.member("development", issuer.isDevelopment)
                        writer.name("values")
                        writer.value(.array(issuer.values.map(JSONValue.string)))
                        writer.member("keys", origin(issuer))
                    }
                }
            }
            return writer.string
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Add an issuer by its JWK Set address, or with pinned keys.",
            discussion: """
                Examples:
                  holdfast issuer add google --google --data ./data
                  holdfast issuer add idp --iss https://idp.example.com --jwks-url https://idp.example.com/jwks --data ./data
                  holdfast issuer add lab --iss https://lab --jwks-file lab-jwks.json --data ./data
                """)
        @OptionGroup var data: DataOption
        @Argument(help: "A name for people; unique.") var name: String
        @Flag(name: .long, help: "Google's EKM service agents: the values of iss, the address and the e-mails' suffix are known.") var google = false
        @Option(name: .long, help: "An accepted value of iss; may be repeated.") var iss: [String] = []
        @Option(name: .long, help: "The https address of its JWK Set.") var jwksURL: String?
        @Option(name: .long, help: "A file with its JWK Set, pinned for good.") var jwksFile: String?
        @Option(name: .long, help: "RS256, RS384, RS512, PS256, ES256 or ES384; may be repeated.") var algorithm: [String] = ["RS256"]
        @Option(name: .long, help: "The end that e-mails must have, as @gcp-sa-ekms.iam.gserviceaccount.com; may be repeated.")
        var emailSuffix: [String] = []

        func run() async throws {
            try await Administration.run(data) { administration in
                let installation = administration.installation
                let issuer = try make()
                try await installation.issuers.create(issuer)
                try await administration.record(AuditEvent.issuerCreated, target: issuer.name)
                print("\(issuer.name)  \(issuer.id)")
            }
        }

        private func make() throws -> Issuer {
            let values = google ? ["https://accounts.google.com", "accounts.google.com"] : iss
            guard !values.isEmpty else { throw Complaint("expected --iss VALUE (the token's iss, exactly), or --google") }
            var algorithms: Set<SignatureAlgorithm> = []
            for name in algorithm {
                guard let known = SignatureAlgorithm(rawValue: name) else { throw Complaint("--algorithm: “\(name)” is not known") }
                algorithms.insert(known)
            }
            var claims = Issuer.ClaimRules()
            let suffixes = google && emailSuffix.isEmpty ? ["@gcp-sa-ekms.iam.gserviceaccount.com"] : emailSuffix
            claims.allowedEmailSuffixes = suffixes.map { $0.lowercased() }
            return Issuer(
                id: try IssuerID.random(), name: name, values: values, keys: try origin(), algorithms: algorithms, claims: claims)
        }

        private func origin() throws -> Issuer.KeyOrigin {
            switch (jwksURL ?? (google ? "https://www.googleapis.com/oauth2/v3/certs" : nil), jwksFile) {
            case (let url?, nil): return .jwksURL(url)
            case (nil, let file?):
                guard let content = FileManager.default.contents(atPath: file), content.count <= 256 << 10 else {
                    throw Complaint("\(file): expected a JWK Set of at most 256 KiB that can be read")
                }
                return .pinned(jwks: String(decoding: content, as: UTF8.self))
            default: throw Complaint("expected one of --jwks-url URL and --jwks-file FILE")
            }
        }
    }

    struct SetEnabled: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-enabled", abstract: "Enable or disable an issuer: a disabled one's tokens are refused at once.")
        @OptionGroup var data: DataOption
        @Argument(help: "Name or id.") var issuer: String
        @Argument(help: "true or false.") var enabled: Bool

        func run() async throws {
            try await Administration.run(data) { administration in
                let found = try await administration.installation.issuers.find(issuer)
                try await administration.installation.issuers.setEnabled(enabled, of: found.id)
                try await administration.record(AuditEvent.issuerChanged, target: found.name) {
                    $0.cause = enabled ? "enabled" : "disabled"
                }
                print("\(found.name) is \(enabled ? "enabled" : "disabled")")
            }
        }
    }
}
