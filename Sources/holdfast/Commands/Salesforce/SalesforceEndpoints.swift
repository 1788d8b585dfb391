import ArgumentParser
import KeyCore
import Primitives

extension SalesforceCommand {
    struct CreateEndpoint: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "create-endpoint", abstract: "Create the endpoint of an org, and print what its named credential needs.",
            discussion: """
                At least one authentication: --user makes a password, --jwt-… takes tokens that the org signs, --issuer with --subject
                access tokens of an identity provider, --client-certificate mutual TLS, alone or besides one of the others.

                Example: holdfast salesforce create-endpoint acme-production --organization 00D5f000001AbCd --key acme-data \\
                           --policy salesforce --hostname keys.example.com --certificate BYOK_2026.crt --user acme-production
                """)
        @OptionGroup var options: CreateOptions
        @Argument(help: "A name for people; unique.") var name: String
        @Option(name: .long, help: "The org's id.") var organization: String
        @Option(name: .long, help: "A key for the purpose cache-only, by name or id: its versions get identifiers unless another is named.")
        var key: String
        @Option(name: .long, help: "The policy, by name or id.") var policy: String
        @Option(name: .long, help: "The name by which Salesforce reaches us; may be repeated.") var hostname: [String]
        @Option(name: .long, help: "The URL's path; v0/salesforce/endpoints/<id> by default.") var path: String?
        @Option(name: .long, help: "A BYOK-compatible certificate of the org (PEM); may be repeated, the first is used.") var certificate: [String]
        @OptionGroup var proofs: ProofOptions
        @Option(name: .long, help: "Whose access tokens it believes, by name or id; may be repeated.") var issuer: [String] = []
        @Option(name: .long, help: "An accepted audience of access tokens besides https://HOSTNAME; may be repeated.") var audience: [String] = []
        @Flag(name: .long, help: "Refuse callouts without requestId.") var requireRequestId = false
        @Flag(name: .long, help: "Take certificates of any size and age: for tests.") var allowAnyCertificate = false

        func run(_ api: APIClient) async throws {
            let authentication = try proofs.document(kept: [])
            let salesforce = SalesforceInput.object([
                ("organization", .string(organization)), ("certificates", .strings(try certificate.map { try InputFile.text($0, maxBytes: 16384) })),
                ("authentication", authentication ?? .object([])), ("requires_request_id", .given(requireRequestId)),
                ("allows_any_certificate", .given(allowAnyCertificate)),
            ])
            let body = APIBody.json([
                "name": .string(name), "door": "salesforce", "path": .given(path), "hostnames": .strings(hostname),
                "key_id": .string(try await api.id(key, in: .keys)), "policy_id": .string(try await api.id(policy, in: .policies)),
                "issuer_ids": .given(try await api.ids(issuer, in: .issuers)), "extra_audiences": .given(audience), "salesforce": salesforce,
            ])
            if let reply = try await api.create("endpoints", options, body: body) { SalesforceOutput.show(reply, api) }
        }
    }

    struct UpdateEndpoint: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "update-endpoint", abstract: "Change an org's certificates, and how it proves who it is.",
            discussion: """
                To change the org's certificate: --add-certificate, then `set-key --certificate` for each key together with the tenant
                secret's certificate in the org, then --drop-certificate. To change a password: --user (the old one stays valid), then
                --drop-credential when the org has the new one.

                Example: holdfast salesforce update-endpoint acme-production --add-certificate BYOK_2027.crt
                """)
        @OptionGroup var options: ChangeOptions
        @Argument(help: "The endpoint, by name or id.") var endpoint: String
        @Option(name: .long, help: "A further certificate of the org (PEM); may be repeated.") var addCertificate: [String] = []
        @Option(name: .long, help: "The fingerprint of a certificate that goes; may be repeated.") var dropCertificate: [String] = []
        @OptionGroup var proofs: ProofOptions
        @Option(name: .long, help: "The id of a password that goes; may be repeated.") var dropCredential: [String] = []
        @Flag(name: .long, help: "Tokens that the org signs count no longer.") var dropJwt = false
        @Flag(name: .long, help: "Access tokens count no longer.") var dropAccessToken = false
        @Flag(name: .long, help: "Client certificates are needed no longer.") var dropClientCertificates = false
        @Option(name: .long, help: "Whether callouts without requestId are refused: true or false.") var requireRequestId: Bool?

        func run(_ api: APIClient) async throws {
            let path = Collection.endpoints.thing(try await api.id(endpoint, in: .endpoints))
            let present = try await api.send("GET", path).document["salesforce"] ?? .null
            guard present.object != nil else { throw Complaint("“\(endpoint)” is no endpoint of a Salesforce org") }
            var authentication = try proofs.document(kept: try kept(present))?.object ?? []
            if !dropCredential.isEmpty, !authentication.contains(where: { $0.name == "basic" }) {
                authentication.append((name: "basic", value: .array(try kept(present))))
            }
            for (isDropped, name) in [(dropJwt, "signed_token"), (dropAccessToken, "access_token")] where isDropped {
                authentication.append((name: name, value: .null))
            }
            if dropClientCertificates { authentication.append((name: "client_certificates", value: .array([]))) }
            let salesforce = SalesforceInput.object([
                ("certificates", try certificates(present)), ("authentication", authentication.isEmpty ? nil : .object(authentication)),
                ("requires_request_id", requireRequestId.map(JSONValue.bool)),
            ])
            let reply = try await api.change("PATCH", path, options, body: .json(["salesforce": salesforce]))
            if let reply { SalesforceOutput.show(reply, api) }
        }

        /// The passwords that stay.
        private func kept(_ present: JSONValue) throws -> [JSONValue] {
            let ids = (present["authentication"]?["basic"]?.array ?? []).compactMap { $0["id"]?.string }
            for id in dropCredential where !ids.contains(id) { throw Complaint("--drop-credential: this endpoint has no password \(id)") }
            return ids.filter { !dropCredential.contains($0) }.map { ["id": .string($0)] }
        }

        private func certificates(_ present: JSONValue) throws -> JSONValue? {
            guard !addCertificate.isEmpty || !dropCertificate.isEmpty else { return nil }
            let held = present["certificates"]?.array ?? []
            for fingerprint in dropCertificate where !held.contains(where: { $0["fingerprint"]?.string == fingerprint.lowercased() }) {
                throw Complaint("--drop-certificate: this endpoint has no certificate \(fingerprint)")
            }
            let dropped = Set(dropCertificate.map { $0.lowercased() })
            let stay = held.filter { !dropped.contains($0["fingerprint"]?.string ?? "") }.compactMap { $0["pem"]?.string }
            return .strings(stay + (try addCertificate.map { try InputFile.text($0, maxBytes: 16384) }))
        }
    }

    /// How an org proves who it is.
    struct ProofOptions: ParsableArguments {
        @Option(name: .long, help: "Make a password for this user; it is shown once.") var user: String?
        @Option(name: .long, help: "The iss of the org's tokens.") var jwtIssuer: String?
        @Option(name: .long, help: "The sub of the org's tokens.") var jwtSubject: String?
        @Option(name: .long, help: "The aud of the org's tokens.") var jwtAudience: String?
        @Option(name: .long, help: "A certificate that signs the org's tokens, as Unique_Name=FILE; may be repeated.") var jwtCertificate: [String] = []
        @Option(name: .long, help: "A sub of access tokens that is this org; may be repeated.") var subject: [String] = []
        @Option(name: .long, help: "The scope that access tokens must have; \(AccessTokenRules.usualScope) by default.") var scope: String?
        @Option(name: .long, help: "A client certificate that the org may show (PEM, or its SHA-256 fingerprint); may be repeated.")
        var clientCertificate: [String] = []

        func validate() throws {
            let given = [jwtIssuer != nil, jwtSubject != nil, jwtAudience != nil, !jwtCertificate.isEmpty].count { $0 }
            guard given == 0 || given == 4 else {
                throw ValidationError("expected all of --jwt-issuer, --jwt-subject, --jwt-audience and --jwt-certificate, or none")
            }
            guard scope == nil || !subject.isEmpty else { throw ValidationError("--scope: expected --subject besides") }
        }

        /// The member `authentication`; nil if nothing is given.
        /// - Parameter kept: the passwords that stay beside a new one.
        fileprivate func document(kept: [JSONValue]) throws -> JSONValue? {
            var signed: JSONValue?
            if let jwtIssuer, let jwtSubject, let jwtAudience {
                signed = [
                    "issuer": .string(jwtIssuer), "subject": .string(jwtSubject), "audience": .string(jwtAudience),
                    "signers": .array(try jwtCertificate.map(ProofOptions.signer)),
                ]
            }
            let access = subject.isEmpty ? nil : SalesforceInput.object([("scope", .given(scope)), ("subjects", .strings(subject))])
            let document = SalesforceInput.object([
                ("basic", user.map { .array(kept + [["user": .string($0)]]) }), ("signed_token", signed), ("access_token", access),
                ("client_certificates", .given(try clientCertificate.map(ProofOptions.pin))),
            ])
            return document.object?.isEmpty == false ? document : nil
        }

        private static func signer(_ text: String) throws -> JSONValue {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw Complaint("--jwt-certificate: expected Unique_Name=FILE, found “\(text)”") }
            return ["kid": .string(parts[0]), "certificate": .string(try InputFile.text(parts[1], maxBytes: 16384))]
        }

        private static func pin(_ text: String) throws -> String {
            text.count == 64 && Hex.decode(text.lowercased()) != nil ? text.lowercased() : try InputFile.text(text, maxBytes: 16384)
        }
    }
}

/// Members that may be absent.
enum SalesforceInput {
    static func object(_ members: [(name: String, value: JSONValue?)]) -> JSONValue {
        .object(members.compactMap { member in member.value.map { (name: member.name, value: $0) } })
    }
}

/// An org's endpoint as people see it.
enum SalesforceOutput {
    static func show(_ reply: APIReply, _ api: APIClient) {
        let endpoint = reply.document
        guard !api.asJSON, let options = endpoint["salesforce"] else { return api.show(reply) }
        print("\(Cell.text(endpoint["name"]))  \(Cell.text(endpoint["id"]))  \(Cell.text(endpoint["state"]))")
        print("  URL           \(Cell.text(endpoint["url"]))")
        print("  organization  \(Cell.text(options["organization"]))")
        for certificate in options["certificates"]?.array ?? [] {
            print("  certificate   \(Cell.text(certificate["fingerprint"]))  until \(Cell.text(certificate["not_after"]))")
        }
        let proofs = options["authentication"] ?? .null
        for credential in proofs["basic"]?.array ?? [] {
            print("  user          \(Cell.text(credential["user"]))  (id \(Cell.text(credential["id"])))")
            if let password = credential["password"]?.string { print("  password      \(Cell.clean(password))  (shown only now)") }
        }
        if let token = proofs["signed_token"], token.object != nil {
            print("  JWT           iss \(Cell.text(token["issuer"]))  sub \(Cell.text(token["subject"]))  aud \(Cell.text(token["audience"]))")
        }
        if let token = proofs["access_token"], token.object != nil {
            print("  access token  scope \(Cell.text(token["scope"]))  sub \(Cell.text(token["subjects"]))")
        }
        for fingerprint in proofs["client_certificates"]?.array ?? [] { print("  mutual TLS    \(Cell.text(fingerprint))") }
        print("What to do in the org: holdfast salesforce setup \(Cell.text(endpoint["name"]))")
    }
}
