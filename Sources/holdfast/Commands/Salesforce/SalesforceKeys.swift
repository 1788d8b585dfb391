import ArgumentParser
import KeyCore
import Primitives

extension SalesforceCommand {
    private static let columns = [
        Column("KID", "kid"), Column("STATE", "state"), Column("KEY", "key_id"), Column("VERSION", "key_version"),
        Column("CERTIFICATE", "certificate"), Column("NOT BEFORE", "not_before"), Column("NOT AFTER", "not_after"),
    ]

    struct ListKeys: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "list-keys", abstract: "List the cache-only keys of an org.",
            discussion: "Example: holdfast salesforce list-keys acme-production")
        @OptionGroup var options: ListOptions
        @Argument(help: "The endpoint, by name or id.") var endpoint: String
        @Option(name: .long, help: "Only those in this state: enabled or disabled.") var state: String?

        func run(_ api: APIClient) async throws {
            let id = try await api.id(endpoint, in: .endpoints)
            try await api.show(
                list: Collection.endpoints.thing(id, "cache-only-keys"), columns, filters: [("state", state)],
                empty: "No keys. Make one: holdfast salesforce create-key \(endpoint)", options)
        }
    }

    struct CreateKey: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "create-key", abstract: "Give a version of a cache-only key an identifier (kid) at an org's endpoint, for ever.",
            discussion: """
                The kid goes into the org's tenant secret (Unique Key Identifier). It never gets another key: see `rotate-key`.

                Example: holdfast salesforce create-key acme-production
                """)
        @OptionGroup var options: CreateOptions
        @Argument(help: "The endpoint, by name or id.") var endpoint: String
        @Option(name: .long, help: "The key, by name or id; the endpoint's own by default.") var key: String?
        @Option(name: .long, help: "Its version; the newest active one by default.") var keyVersion: KeyVersionNumber?
        @OptionGroup var kid: IdentifierOptions

        func run(_ api: APIClient) async throws {
            let id = try await api.id(endpoint, in: .endpoints)
            var keyID: String?
            if let key { keyID = try await api.id(key, in: .keys) }
            let members = kid.members + [("key_id", .given(keyID)), ("key_version", keyVersion.map { .integer(Int64($0)) })]
            let reply = try await api.create(
                Collection.endpoints.thing(id, "cache-only-keys"), options, body: .json(SalesforceInput.object(members)))
            if let reply { api.show(reply) }
        }
    }

    struct RotateKey: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate-key", abstract: "Give a key a new version under a new kid; the present kid is served on.",
            discussion: """
                In the org make a new tenant secret with the new kid; the old one is archived there, and must be served as long as data is
                encrypted with it.

                Example: holdfast salesforce rotate-key acme-production 982c375b-f46b-4423-8c2d-4d1a69152a0b
                """)
        @OptionGroup var options: CreateOptions
        @Argument(help: "The endpoint, by name or id.") var endpoint: String
        @Argument(help: "The present kid.") var present: String
        @OptionGroup var kid: IdentifierOptions

        func run(_ api: APIClient) async throws {
            let id = try await api.id(endpoint, in: .endpoints)
            let path = Collection.endpoints.thing(id, "cache-only-keys/\(APIClient.encoded(present))/rotate")
            if let reply = try await api.create(path, options, body: .json(SalesforceInput.object(kid.members))) { api.show(reply) }
        }
    }

    struct SetKey: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-key", abstract: "The kill switch, and to which certificate a key is encrypted.",
            discussion: """
                A disabled kid is answered 404: Salesforce destroys the key when it next asks for it, and the data it encrypted can't be
                read until it is enabled here and activated in the org; so --disable needs --yes.

                Example: holdfast salesforce set-key acme-production 982c375b-f46b-4423-8c2d-4d1a69152a0b --disable --yes
                """)
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "The endpoint, by name or id.") var endpoint: String
        @Argument(help: "The kid.") var kid: String
        @Flag(name: .long, help: "Hand it out no longer.") var disable = false
        @Flag(name: .long, help: "Hand it out again.") var enable = false
        @Option(name: .long, help: "The SHA-256 fingerprint of one of the endpoint's certificates.") var certificate: String?

        func validate() throws {
            guard [disable, enable, certificate != nil].count(where: { $0 }) == 1 else {
                throw ValidationError("expected one of --disable, --enable and --certificate")
            }
        }

        func run(_ api: APIClient) async throws {
            if disable, !options.dryRun { try confirmation.require("Salesforce destroys the key “\(kid)” when it next asks for it") }
            let path = Collection.endpoints.thing(try await api.id(endpoint, in: .endpoints), "cache-only-keys/\(APIClient.encoded(kid))")
            let reply: APIReply?
            if let certificate {
                reply = try await api.change("PATCH", path, options, body: .json(["certificate": .string(certificate.lowercased())]))
            } else {
                let body = APIBody.json(["state": .string(enable ? "enabled" : "disabled"), "confirm": .given(disable)])
                reply = try await api.change("PUT", "\(path)/state", options, body: body)
            }
            if let reply { api.show(reply) }
        }
    }

    /// What a new kid is like.
    struct IdentifierOptions: ParsableArguments {
        @Option(name: .long, help: "The kid, of the characters a-z A-Z 0-9 . - _; a new UUID by default.") var kid: String?
        @Option(name: .long, help: "The SHA-256 fingerprint of one of the endpoint's certificates; by default the first, or that of the kid before.")
        var certificate: String?
        @Option(name: .long, help: "Served from then on, as 2026-01-31T00:00:00Z.") var notBefore: String?
        @Option(name: .long, help: "Served until then.") var notAfter: String?

        fileprivate var members: [(name: String, value: JSONValue?)] {
            [
                ("kid", .given(kid)), ("certificate", .given(certificate?.lowercased())), ("not_before", .given(notBefore)),
                ("not_after", .given(notAfter)),
            ]
        }
    }
}
