import KeyCore
import Primitives

/// Endpoints on the wire.
enum EndpointSchemas {
    private static let path = Schema.string(StringRule(
        length: 1...512, pattern: "^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*$", about: "a path such as v0/ekm/keys/disk, of letters, digits and - . _ ~",
        accepts: { $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }))
    private static let texts = Schema.array(.text(1...512), count: 0...256)
    private static let hostnames = Schema.array(
        .string(StringRule(length: 1...253, pattern: "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$",
            about: "a host name such as ekm.example.com", accepts: { $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } })),
        count: 1...16)

    static let draft = Schema.object(name: "EndpointDraft", [
        .required("name", .name, "Unique"), .optional("description", ResourceFields.description),
        .optional("door", .oneOf(FrontDoorKind.self), "The protocol it speaks; ekm (Google Cloud External Key Manager) if left out"),
        .optional("path", .nullable(path), "Of its URL, for migration; v0/ekm/endpoints/<id> if left out"),
        .required("hostnames", hostnames, "The names under which callers reach it"),
        .required("key_id", .id, "What wraps; for salesforce the cache-only key whose versions get identifiers unless they name another"),
        .required("policy_id", .id),
        .optional("issuer_ids", .array(.id, count: 0...64),
            "Whose tokens it believes; needed for ekm, for salesforce with access_token; the options of kacls name them"),
        .optional("extra_audiences", texts, "Further accepted audiences, exactly as sent"),
        .optional("allowed_projects", texts, "The Google projects that may use it; all if empty"),
        .optional("kacls", .nullable(KACLSSchemas.draft), "Needed for the door kacls, Workspace client-side encryption; for no other"),
        .optional("salesforce", .nullable(SalesforceSchemas.draft), "Needed for the door salesforce, cache-only keys; for no other"),
    ])

    static let change = Schema.object(name: "EndpointChange", [
        .optional("name", .name), .optional("description", ResourceFields.description), .optional("path", path),
        .optional("hostnames", hostnames), .optional("key_id", .id), .optional("policy_id", .id),
        .optional("issuer_ids", .array(.id, count: 0...64)), .optional("extra_audiences", texts), .optional("allowed_projects", texts),
        .optional("kacls", .nullable(KACLSSchemas.change), "Those options that change; objects in it member by member, lists as a whole"),
        .optional("salesforce", .nullable(SalesforceSchemas.change), "The same for the door salesforce"),
        .optional("confirm", .boolean, "Must be true to change the path of what serves Salesforce, which the org's callouts then miss"),
    ])

    /// What says nothing about who may use which key. For Workspace and Salesforce the path is more than that: it stands in the URL by which
    /// tokens name us, and the key identifiers of an org belong to it.
    static func describing(_ door: FrontDoorKind) -> Set<String> {
        door == .ekm ? ["name", "description", "path", "confirm"] : ["name", "description", "confirm"]
    }

    static let stateChange = Schema.object(name: "EndpointStateChange", [
        .required("state", .oneOf(EndpointState.self),
            "active serves; paused answers 503; disabled answers 403 (404 to Salesforce); archived answers as disabled and can't be changed"),
        .optional("confirm", .boolean,
            "Must be true to disable or archive, and to pause what serves Salesforce: the vendor then gives up the keys that point here"),
    ])

    static let endpoint = Schema.object(name: "Endpoint", [
        .required("id", .id), .required("name", .name), .required("description", ResourceFields.description),
        .required("door", .oneOf(FrontDoorKind.self)), .required("path", .text(1...512), "Of its URL; what EKM over VPC calls the key path"),
        .required("hostnames", .array(.text(1...253), count: 1...16)), .required("key_id", .id), .required("policy_id", .id),
        .required("issuer_ids", .array(.id, count: 0...64)), .required("extra_audiences", texts), .required("allowed_projects", texts),
        .required("state", .oneOf(EndpointState.self)),
        .required("url", .text(1...2048), "What to paste into the vendor's console: the first of urls"),
        .required("urls", .array(.text(1...2048), count: 1...256), "One for each host name, or as the options of kacls say"),
        .required("warning", .nullable(.text(1...512)), "What its present state means for the vendor"),
        .required("warnings", .array(.text(1...1024), count: 0...32), "The same, and what in its options is open, weak or won't work"),
        .required("kacls", .nullable(KACLSSchemas.options), "What only an endpoint of the door kacls has"),
        .required("salesforce", .nullable(SalesforceSchemas.options), "What only an endpoint of the door salesforce has"), ResourceFields.revision,
    ] + ResourceFields.times)

    static func document(_ entry: EndpointEntry, _ services: ResourceServices, passwords: [String: String] = [:]) -> JSONValue {
        let port = services.dataPlanePort()
        let urls = urls(entry, port: port)
        return [
            "id": .string(entry.id.description), "name": .string(entry.name), "description": .string(entry.description),
            "door": .string(entry.door.rawValue), "path": .string(entry.path), "hostnames": .strings(entry.hostnames),
            "key_id": .string(entry.keyID.description), "policy_id": .string(entry.policyID.description),
            "issuer_ids": .strings(entry.issuers.map(\.description)), "extra_audiences": .strings(entry.extraAudiences),
            "allowed_projects": .strings(entry.allowedProjects), "state": .string(entry.state.rawValue), "url": .string(urls[0]),
            "urls": .strings(urls), "warning": .optional(EndpointWarnings.state(entry.state, of: entry.door)),
            "warnings": .strings(EndpointWarnings.all(entry, port: port, asks: services.asksForClientCertificate)), "kacls": entry.kacls?.document ?? .null,
            "salesforce": entry.salesforce.map { SalesforceSchemas.document($0, passwords: passwords) } ?? .null, "revision": .integer(entry.revision),
            "created_at": .optional(entry.createdAt), "updated_at": .optional(entry.updatedAt),
        ]
    }

    /// The URLs of each host name; the port is left out where it is that of HTTPS. For client-side encryption those that Google's
    /// tokens may name.
    static func urls(_ entry: EndpointEntry, port: Int?) -> [String] {
        if let named = entry.kacls?.urls, !named.isEmpty { return named.map(\.description) }
        let suffix = entry.kacls == nil ? port.map { $0 == 443 ? "" : ":\($0)" } ?? "" : ""
        let urls = entry.hostnames.map { "https://\($0)\(suffix)/\(entry.path)" }
        return urls.isEmpty ? ["https://localhost\(suffix)/\(entry.path)"] : urls
    }
}

extension EndpointChange {
    /// What a checked body says.
    init(_ body: JSONValue) {
        self.init()
        (name, description, path) = (body["name"]?.string, body["description"]?.string, body["path"]?.string)
        (hostnames, keyID, policyID) = (body.texts("hostnames"), body.id("key_id"), body.id("policy_id"))
        (issuers, extraAudiences) = (body.ids("issuer_ids"), body.texts("extra_audiences"))
        allowedProjects = body.texts("allowed_projects")
        if let members = body["kacls"], members != .null { kaclsMembers = members }
    }
}
