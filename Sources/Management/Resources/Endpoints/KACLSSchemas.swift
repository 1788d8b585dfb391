import KeyCore
import Primitives

/// The options of client-side encryption on the wire: the members of `KACLSOptions.document`.
enum KACLSSchemas {
    /// In an answer: every member is there.
    static let options = Schema.object(name: "KACLSOptions", members(areAllThere: true))
    /// In a new endpoint: what is left out has Google's default.
    static let draft = Schema.object(name: "KACLSOptionsDraft", members(areAllThere: false))
    /// In a change: what is left out stays.
    static let change = Schema.object(name: "KACLSOptionsChange", members(areAllThere: false))

    private static let url = Schema.string(StringRule(
        length: 9...2048, pattern: "^https://[!-~]+$", about: "an https URL such as https://cse.example.com/v1, without query and credentials",
        accepts: { KACLSURL($0) != nil }))
    private static let origin = Schema.string(StringRule(
        length: 9...512, pattern: "^https://[a-z0-9.:\\[\\]-]+$",
        about: "an origin such as https://client-side-encryption.google.com, without path and wildcard",
        accepts: { text in KACLSURL(text)?.description == text && !text.dropFirst(8).utf8.contains(0x2F) }))
    private static let domain = Schema.string(StringRule(
        length: 1...253, pattern: "^[!-~]+$", about: "a domain such as example.com",
        accepts: { $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }))
    private static let audience = line(512, "an audience, as a client id")
    private static let user = line(320, "an e-mail address, domain:example.com or a pattern")

    private static func line(_ limit: Int, _ about: String) -> Schema {
        .string(StringRule(length: 1...limit, about: about, accepts: { FreeText.isAcceptable($0) }))
    }

    private static func list(_ schema: Schema, _ count: ClosedRange<Int> = 0...256) -> Schema { .array(schema, count: count) }

    private static func members(areAllThere: Bool) -> [Property] {
        func member(_ name: String, _ schema: Schema, _ about: String) -> Property {
            areAllThere ? .required(name, schema, about) : .optional(name, schema, about)
        }
        return [
            member("urls", list(url), """
                The base URLs under which Google and clients know it, as typed into the Admin console; the first is how it names itself. \
                None: https:// with each host name and the path
                """),
            member("operations", list(.oneOf(KACLSMethod.self)), "What it does; status and certs always; all if left out"),
            member("owner_domains", list(domain), "The Workspace domains whose documents it protects; any if empty"),
            member("origins", list(origin), "The origins of browsers that may read the answers, exactly"),
            member("private_network_access", .boolean, "Whether public pages may call it on a private address"),
            member("authorization", .object([
                member("google", list(.oneOf(GoogleCSEIssuer.self)), "Which of Google's own issuers are believed"),
                member("issuers", list(.id), "Further ones, by id; one with a value of Google's replaces Google's own"),
                member("audiences", list(audience, 1...256), "cse-authorization if left out"),
            ]), "Whose authorization tokens are believed"),
            member("identity_providers", list(provider(member), 0...64), "Whose authentication tokens are believed; at least one"),
            member("guests", .object([
                member("allowed", .boolean, "Whether guests are served"),
                member("own_provider", .boolean, "Whether their tokens must come from a provider for guests"),
            ]), "People without a Google account"),
            member("privileged", privileged(member), "Who may use a privileged method: addresses, domain:… or patterns; nobody if empty"),
            member("rewrap_peers", list(peer(member)), "Key services from which keys are taken over"),
            member("migration_peers", list(peer(member)), "Key services to which keys are given away"),
            member("clock_skew_seconds", .integer(0...300), "How far clocks may differ; 60 if left out"),
            member("delegation_seconds", .integer(60...900), "How long a delegated token lives at most; 900 if left out"),
            member("sha1_signatures", .boolean, "Whether digests of SHA-1 are signed"),
            member("mgf1_sha1_fallback", .boolean, "Whether a ciphertext that does not open is tried again with SHA-1 in MGF1"),
            member("reason", .object([
                member("max_bytes", .integer(1...1024), "The longest reason"), member("refuse_longer", .boolean, "Refused; otherwise cut"),
            ]), "The caller's own words"),
            member("requests_per_second", .integer(0...1_000_000), "More are answered 429, which clients repeat; 0, if left out, sets no limit"),
        ]
    }

    private typealias Member = (_ name: String, _ schema: Schema, _ about: String) -> Property

    private static func provider(_ member: Member) -> Schema {
        .object([
            .required("issuer", .id, "Its entry among the issuers"),
            .required("audiences", list(audience, 1...256), "The client ids of the web application and of each native one"),
            member("users", .boolean, "Whether it vouches for the organisation's users; true if left out"),
            member("guests", .boolean, "Whether it vouches for guests"),
            member("privileged", .boolean, "Whether it vouches for those who may use privileged methods"),
            member("requires_kid", .boolean, "Whether its tokens must name their key"),
            member("requires_verified_email", .boolean, "Whether its tokens must say email_verified; otherwise only a false is refused"),
        ])
    }

    private static func privileged(_ member: Member) -> Schema {
        .object([
            member("wrap", list(user), "Import"), member("unwrap", list(user), "Takeout"),
            member("private_key_decrypt", list(user), "Takeout of mail"), member("wrap_private_key", list(user), "Wrapping users' private keys"),
            member("requires_key_hash", .boolean, "Whether privilegedprivatekeydecrypt must name the key; true if left out"),
        ])
    }

    private static func peer(_ member: Member) -> Schema {
        .object([
            .required("url", url, "Its base URL"), member("private_addresses", .boolean, "Whether it may be outside the public Internet; behind a proxy false refuses what is known here to be there"),
        ])
    }
}
