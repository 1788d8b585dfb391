import ArgumentParser
import Foundation
import KeyCore
import Primitives

struct CSEEndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "endpoint", abstract: "Create and show endpoints for client-side encryption; all else as with `holdfast endpoint`.",
        subcommands: [Create.self, Show.self, Configure.self])

    struct Create: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Create an endpoint with everything that it needs.",
            discussion: """
                Google's own issuers are built in. What isn't named is made: a key named as the endpoint, a policy from policies/workspace.yaml
                for the domains and administrators given, and an issuer for the identity provider. Repeated after a failure it goes on where
                it ended: what has the name already is taken.

                Example: holdfast cse endpoint create hq --domain example.com --hostname cse.example.com \\
                           --openid-configuration-url https://idp.example.com/.well-known/openid-configuration \\
                           --client-id 1234 --client-id 5678 --import-admin import@example.com
                """)
        @OptionGroup var options: ReadOptions
        @OptionGroup var waiting: WaitOption
        @Argument(help: "A name for people; unique.") var name: String
        @Option(name: .long, help: "A Workspace domain whose content it protects; may be repeated.") var domain: [String]
        @Option(name: .long, help: "A name by which browsers and Google reach it; may be repeated.") var hostname: [String]
        @Option(name: .long, help: "The URL for the Admin console, if something before this server makes it another one.") var url: String?
        @Option(name: .long, help: "The client id of the web application at the identity provider, and of each native one; may be repeated.")
        var clientID: [String]
        @Option(name: .long, help: "The identity provider: an issuer, by name or id.") var identityProvider: String?
        @Option(name: .long, help: "Or the https address of its OpenID configuration.") var openidConfigurationURL: String?
        @Flag(name: .long, help: "Or Google's own identity.") var googleIdentity = false
        @Option(name: .long, help: "An existing key, by name or id.") var key: String?
        @Option(name: .long, help: "An existing policy, by name or id.") var policy: String?
        @Option(name: .long, help: "Who may import (privilegedwrap); may be repeated.") var importAdmin: [String] = []
        @Option(name: .long, help: "Who may take out (privilegedunwrap, and mail); may be repeated.") var takeoutAdmin: [String] = []
        @Option(name: .long, help: "Who may wrap S/MIME keys for Gmail (wrapprivatekey); may be repeated.") var mailAdmin: [String] = []
        @Option(name: .long, help: "A further browser origin that may read the answers; may be repeated.") var origin: [String] = []

        func validate() throws {
            let ways = [identityProvider != nil, openidConfigurationURL != nil, googleIdentity].count { $0 }
            guard ways == 1 else {
                throw ValidationError("expected one of --identity-provider ISSUER, --openid-configuration-url URL and --google-identity")
            }
            guard !domain.isEmpty, !hostname.isEmpty, !clientID.isEmpty else {
                throw ValidationError("expected at least one --domain, --hostname and --client-id")
            }
        }

        func run(_ api: APIClient) async throws {
            let template = CSETemplate(api: api, name: name, waiting: waiting)
            let keyID = if let key { try await api.id(key, in: .keys) } else { try await template.key() }
            let issuerID = try await issuer(template, api)
            let policyID = if let policy {
                try await api.id(policy, in: .policies)
            } else {
                try await template.policy(domains: domain, administrators: importAdmin + takeoutAdmin + mailAdmin)
            }
            let body = APIBody.json([
                "name": .string(name), "door": "kacls", "hostnames": .strings(hostname), "key_id": .string(keyID), "policy_id": .string(policyID),
                "kacls": options(issuerID),
            ])
            guard let reply = try await api.create("endpoints", waiting: waiting, body: body) else { return }
            CSEEndpointCommand.show(reply, api)
            if !api.asJSON { Note.print("Try it: holdfast cse check \(name)") }
        }

        private func issuer(_ template: CSETemplate, _ api: APIClient) async throws -> String {
            if let identityProvider { return try await api.id(identityProvider, in: .issuers) }
            return try await template.issuer(openIDConfigurationURL: openidConfigurationURL)
        }

        private func options(_ issuer: String) -> JSONValue {
            let hasAdministrators = !(importAdmin + takeoutAdmin + mailAdmin).isEmpty
            var members: [(name: String, value: JSONValue)] = [
                ("owner_domains", .strings(domain)),
                ("identity_providers", [["issuer": .string(issuer), "audiences": .strings(clientID), "privileged": .bool(hasAdministrators)]]),
                ("privileged", [
                    "wrap": .strings(importAdmin), "unwrap": .strings(takeoutAdmin), "private_key_decrypt": .strings(takeoutAdmin),
                    "wrap_private_key": .strings(mailAdmin),
                ]),
            ]
            if let url { members.append(("urls", .strings([url]))) }
            if !origin.isEmpty { members.append(("origins", .strings(KACLSOptions.defaultOrigins + origin))) }
            return .object(members)
        }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show the URL for the Admin console, whom it believes, and what is open or weak.",
            discussion: "Example: holdfast cse endpoint show hq")
        @OptionGroup var options: ReadOptions
        @Argument(help: "Name or id.") var endpoint: String

        func run(_ api: APIClient) async throws {
            let id = try await api.id(endpoint, in: .endpoints)
            CSEEndpointCommand.show(try await api.send("GET", Collection.endpoints.thing(id)), api)
        }
    }

    struct Configure: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "configure", abstract: "Change options: a JSON file with those members of “kacls” that change.",
            discussion: """
                Lists are replaced as a whole, objects member by member. `show --json` prints all members. What concerns identity providers,
                privileged users and peers may need other people's approval.

                Example: echo '{"guests": {"allowed": true}}' | holdfast cse endpoint configure hq --options -
                """)
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var endpoint: String
        @Option(name: .customLong("options"), help: "The file; - for standard input.") var file: String

        func run(_ api: APIClient) async throws {
            let text = try InputFile.text(file)
            guard let members = try? JSONValue(parsing: Array(text.utf8)), members.object != nil else {
                throw UsageFailure("\(file): expected a JSON object with members of “kacls”")
            }
            let path = Collection.endpoints.thing(try await api.id(endpoint, in: .endpoints))
            guard let reply = try await api.change("PATCH", path, options, body: .json(["kacls": members])) else { return }
            CSEEndpointCommand.show(reply, api)
        }
    }

    static func show(_ reply: APIReply, _ api: APIClient) {
        let endpoint = reply.document
        guard !api.asJSON, let kacls = endpoint["kacls"], kacls != .null else { return api.show(reply) }
        print("\(Cell.text(endpoint["name"]))  \(Cell.text(endpoint["id"]))  \(Cell.text(endpoint["state"]))")
        print("For the Admin console (Client-side encryption > Key service):")
        for url in endpoint["urls"]?.array ?? [] { print("  \(Cell.text(url))") }
        var rows: [(name: String, value: JSONValue)] = ["owner_domains", "operations", "origins", "urls"].compactMap { name in
            kacls[name].map { (name: name, value: $0) }
        }
        rows.append(("google_issuers", kacls["authorization"]?["google"] ?? .null))
        rows.append(("guests", kacls["guests"]?["allowed"] ?? .null))
        for (name, value) in kacls["privileged"]?.object ?? [] where value.array?.isEmpty == false { rows.append(("privileged \(name)", value)) }
        rows += [("key_id", endpoint["key_id"] ?? .null), ("policy_id", endpoint["policy_id"] ?? .null), ("identity_providers", kacls["identity_providers"] ?? .null)]
        print(Details.text(.object(rows.filter { Cell.text($0.value) != "-" })))
        for warning in endpoint["warnings"]?.array ?? [] { print("! \(Cell.text(warning))") }
    }
}
