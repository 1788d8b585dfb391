package import KeyCore
import Primitives

/// Keys: their list, and what is known about each.
package struct KeyRoutes: RouteProvider {
    let sources: [KeySourceID: any KeySource]
    let services: ResourceServices

    /// Routes over these key sources.
    package init(sources: [any KeySource], services: ResourceServices = ResourceServices()) {
        self.sources = Dictionary(sources.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.services = services
    }

    package var routes: [Route] { own + versionRoutes + transferRoutes }

    private var own: [Route] {
        [
            Route(
                .get, "/api/v1/keys", "listKeys", "Keys, without their versions", tag: "Keys", access: .lists(.readKeys, .key),
                query: Page.parameters(sorts: KeyStore.sorts.map(\.name)) + KeyRoutes.filters,
                answers: [200: .json(Page.schema(of: KeySchemas.summary, name: "KeyPage"))], handler: list),
            Route(
                .post, "/api/v1/keys", "createKey", "Create a key with its first version", tag: "Keys", access: .needs(.createKeys),
                event: .keyCreated, body: .json(KeySchemas.draft), answers: [201: .json(KeySchemas.key)], isCreation: true,
                allowsDryRun: true, handler: create),
            Route(
                .get, "/api/v1/keys/{key}", "getKey", "One key with its versions", tag: "Keys",
                access: .needsOn(.readKeys, .key, parameter: "key"), answers: [200: .json(KeySchemas.key)], handler: get),
            Route(
                .patch, "/api/v1/keys/{key}", "updateKey", "Change a key's name, description, labels, expiry or export policy", tag: "Keys",
                access: .needsOn(.updateKeys, .key, parameter: "key"), event: .keyUpdated, body: .json(KeySchemas.change),
                answers: [200: .json(KeySchemas.key)], allowsDryRun: true, allowsIfMatch: true, handler: update),
            Route(
                .delete, "/api/v1/keys/{key}", "deleteKey",
                "Remove a key all of whose versions are destroyed and that no endpoint uses", tag: "Keys",
                access: .needsOn(.destroyKeys, .key, parameter: "key"), event: .keyDeleted, answers: [204: .empty], allowsDryRun: true,
                allowsIfMatch: true, handler: delete),
        ]
    }

    private static let filters = ResourceFields.names + [
        QueryParameter("purpose", .oneOf(KeyPurpose.self), "Only those for this"),
        QueryParameter("algorithm", .oneOf(KeyAlgorithm.self), "Only those of this kind"),
        QueryParameter("state", .oneOf(KeyState.self), "Only those whose newest version is in this state"),
        QueryParameter("source", .text(1...64), "Only those in this key source"),
        QueryParameter("label", .text(3...320), "Only those with this label: name, colon, value"),
        QueryParameter("expires_before", .time, "Only those that expire before this moment"),
    ]

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: KeyStore.sorts.map(\.name))
        var filter = KeyFilter()
        (filter.name, filter.namePrefix, filter.visible) = (call.query["name"], call.query["name_prefix"], call.visible)
        filter.purpose = call.query["purpose"].flatMap(KeyPurpose.init)
        filter.algorithm = call.query["algorithm"].flatMap(KeyAlgorithm.init)
        filter.state = call.query["state"].flatMap(KeyState.init)
        filter.source = call.query["source"].map { KeySourceID($0) }
        filter.expiresBefore = call.query["expires_before"].flatMap(RFC3339.parse)
        if let text = call.query["label"] {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, KeyLabels.isName(parts[0]), KeyLabels.isValue(parts[1]) else {
                throw Problem.invalid("query:label", expected: "a label's name, a colon, its value, as stage:production")
            }
            filter.label = (parts[0], parts[1])
        }
        let found = try await call.stores.keys.list(filter, page.keyset(KeyStore.sorts))
        let now = call.stores.clock.now
        return APIAnswer(200, .json(page.document(
            found.items, total: found.total, key: { (KeyStore.sortValue($0, page.sort), $0.id.description) },
            { KeySchemas.document($0, now: now) })))
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        try KeyRoutes.checkExport(call)
        let key = try await call.stores.keys.create(KeyDraft(call.body), source: try source(call))
        return made(key, call)
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        let key = try await call.stores.keys.find(try call.id("key", as: KeyID.self))
        return .thing(KeySchemas.document(key, now: call.stores.clock.now), revision: key.summary.revision)
    }

    private func update(_ call: APICall) async throws -> APIAnswer {
        let id: KeyID = try call.id("key")
        try KeyRoutes.checkExport(call, of: id)
        let revision = try await checkExpiry(call, of: id)
        let key = try await call.stores.keys.update(id, KeyChange(call.body), expecting: revision)
        return changed(key, call, cause: call.body.object?.map(\.name).joined(separator: " "))
    }

    private func delete(_ call: APICall) async throws -> APIAnswer {
        let key = try await call.stores.keys.delete(try call.id("key"), expecting: call.expectedRevision)
        return APIAnswer(204, audit: AuditDetail(target: key.name, keyID: key.id), changesDataPlane: true)
    }

    // MARK: Parts

    /// That a key may be exported, and by whom, is said by who may export keys: one's own, or a new one.
    static func checkExport(_ call: APICall, of id: KeyID? = nil) throws(Problem) {
        let isExportable = call.body["exportable"]?.bool == true
        guard isExportable || call.body.has("export_policy_id"), !call.caller.may(.exportKeys, on: id?.description) else { return }
        if id == nil, !isExportable, call.body["export_policy_id"] == .null { return }
        throw Problem(
            .permissionDenied, "to say whether and by whom a key may be exported needs the permission “\(Permission.exportKeys.rawValue)” as well",
            remedy: "leave export_policy_id and exportable out, or ask an administrator")
    }

    /// An expiry that is near stops a key, as its state does: who may not do that brings none forward to within a day.
    /// - Returns: the revision at which the change is allowed; nil for any.
    private func checkExpiry(_ call: APICall, of id: KeyID) async throws -> Int64? {
        guard let wanted = call.body.instant("expires_at"), wanted < call.stores.clock.now + .seconds(86_400),
            !call.caller.may(.changeStateOfKeys, on: id.description)
        else { return call.expectedRevision }
        let present = try await call.stores.keys.find(id).summary
        guard let expiry = present.expiresAt, expiry <= wanted else {
            throw Problem(
                .permissionDenied,
                "to let a key expire within a day stops it, which needs the permission “\(Permission.changeStateOfKeys.rawValue)” as well",
                remedy: "choose a moment that is at least a day ahead, or ask an administrator")
        }
        return call.expectedRevision ?? present.revision
    }

    /// The key source that a body names.
    func source(_ call: APICall) throws(Problem) -> any KeySource {
        let id = KeySourceID(call.body["source"]?.string ?? KeySourceID.embedded.description)
        guard let source = sources[id] else {
            throw .invalid("/source", expected: "a key source: \(sources.keys.map(\.description).sorted().joined(separator: ", "))")
        }
        return source
    }

    /// The key source of a key that is there.
    func source(of key: Key) throws(Problem) -> any KeySource {
        guard let source = sources[key.source] else {
            throw .unavailable("the key source of this key is not configured", cause: "key source “\(key.source)” of key \(key.id)")
        }
        return source
    }

    func made(_ key: Key, _ call: APICall) -> APIAnswer {
        .thing(
            KeySchemas.document(key, now: call.stores.clock.now), revision: key.summary.revision, status: 201,
            location: "/api/v1/keys/\(key.id)", audit: AuditDetail(target: key.name, keyID: key.id, keyVersion: 1), changesDataPlane: true)
    }

    func changed(_ key: Key, _ call: APICall, version: KeyVersionNumber? = nil, cause: String? = nil) -> APIAnswer {
        .thing(
            KeySchemas.document(key, now: call.stores.clock.now), revision: key.summary.revision,
            audit: AuditDetail(target: key.name, keyID: key.id, keyVersion: version, cause: cause), changesDataPlane: true)
    }
}

extension AuditEvent {
    static let keyDeleted = AuditEvent("key.deleted")
    static let keyImported = AuditEvent("key.imported")
    static let keyExported = AuditEvent("key.exported")
}
