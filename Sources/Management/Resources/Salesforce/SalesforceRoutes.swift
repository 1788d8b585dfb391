package import KeyCore
import Primitives

/// The cache-only keys of an org's endpoint, and what the org's administrator has to do.
package struct SalesforceRoutes: RouteProvider {
    private let sources: [any KeySource]
    private let services: ResourceServices

    /// Routes over these key sources.
    package init(sources: [any KeySource], services: ResourceServices) { (self.sources, self.services) = (sources, services) }

    private static let list = "/api/v1/endpoints/{endpoint}/cache-only-keys"
    private static let one = list + "/{kid}"
    private static let parameters = ["kid": CacheOnlyKeySchemas.kid]
    private static let sorts: [(name: String, column: StaticColumn)] = [
        ("kid", StaticColumn("identifier")), ("created_at", StaticColumn("created_at")), ("updated_at", StaticColumn("updated_at")),
    ]

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/endpoints/{endpoint}/named-credential", "getNamedCredential",
                "What the org's administrator sets up: URL, authentication, and the steps for an external and for a legacy named credential",
                tag: "Salesforce", access: .needsOn(.readEndpoints, .endpoint, parameter: "endpoint"),
                answers: [200: .json(NamedCredential.schema)], handler: namedCredential),
            Route(
                .get, SalesforceRoutes.list, "listCacheOnlyKeys", "The cache-only keys of an org's endpoint", tag: "Salesforce",
                access: .needsOn(.readEndpoints, .endpoint, parameter: "endpoint"),
                query: Page.parameters(sorts: SalesforceRoutes.sorts.map(\.name)) + [
                    QueryParameter("kid", CacheOnlyKeySchemas.kid, "Only the one with exactly this identifier"),
                    QueryParameter("key_id", .id, "Only those of this key"),
                    QueryParameter("state", .oneOf(["enabled", "disabled"]), "Only those in this state"),
                ],
                answers: [200: .json(Page.schema(of: CacheOnlyKeySchemas.key, name: "CacheOnlyKeyPage"))], handler: listKeys),
            Route(
                .post, SalesforceRoutes.list, "createCacheOnlyKey",
                "Give a version of a cache-only key an identifier, for ever; it is served at once", tag: "Salesforce",
                access: .needsOn(.updateEndpoints, .endpoint, parameter: "endpoint"), event: .cacheOnlyKeyCreated, quorum: .changePolicy,
                body: .json(CacheOnlyKeySchemas.draft), answers: [201: .json(CacheOnlyKeySchemas.key)], isCreation: true, allowsDryRun: true,
                handler: create),
            Route(
                .get, SalesforceRoutes.one, "getCacheOnlyKey", "One cache-only key", tag: "Salesforce",
                access: .needsOn(.readEndpoints, .endpoint, parameter: "endpoint"), parameters: SalesforceRoutes.parameters,
                answers: [200: .json(CacheOnlyKeySchemas.key)], handler: get),
            Route(
                .patch, SalesforceRoutes.one, "updateCacheOnlyKey",
                "Encrypt it to another of the endpoint's certificates, or serve it at other times; which key it is never changes",
                tag: "Salesforce", access: .needsOn(.updateEndpoints, .endpoint, parameter: "endpoint"), event: .cacheOnlyKeyChanged,
                quorum: .disableEndpoint, parameters: SalesforceRoutes.parameters, body: .json(CacheOnlyKeySchemas.change),
                answers: [200: .json(CacheOnlyKeySchemas.key)], allowsDryRun: true, allowsIfMatch: true, handler: update),
            Route(
                .post, SalesforceRoutes.one + "/rotate", "rotateCacheOnlyKey",
                "Give its key a new version under a new identifier; the present one is served on, for data that it encrypted", tag: "Salesforce",
                access: .needsOn(.updateEndpoints, .endpoint, parameter: "endpoint"), event: .cacheOnlyKeyRotated,
                parameters: SalesforceRoutes.parameters, body: .json(CacheOnlyKeySchemas.rotation),
                answers: [201: .json(CacheOnlyKeySchemas.key)], isCreation: true, allowsDryRun: true, handler: rotate),
            Route(
                .put, SalesforceRoutes.one + "/state", "setCacheOnlyKeyState",
                "The kill switch: disabled it is answered 404, on which Salesforce destroys the org's key until it is enabled and activated again",
                tag: "Salesforce", access: .needsOn(.changeStateOfEndpoints, .endpoint, parameter: "endpoint"), event: .cacheOnlyKeyChanged,
                quorum: .disableEndpoint, parameters: SalesforceRoutes.parameters, body: .json(CacheOnlyKeySchemas.stateChange),
                answers: [200: .json(CacheOnlyKeySchemas.key)], allowsDryRun: true, allowsIfMatch: true, handler: setState),
        ]
    }

    private func namedCredential(_ call: APICall) async throws -> APIAnswer {
        let entry = try await call.stores.endpoints.find(try call.id("endpoint"))
        guard let options = entry.salesforce else {
            throw Problem(.notFound, "endpoint “\(entry.name)” speaks \(entry.door.rawValue): only a Salesforce org's has a named credential")
        }
        let urls = EndpointSchemas.urls(entry, port: services.dataPlanePort())
        return APIAnswer(200, .json(NamedCredential(endpoint: entry, options: options, url: urls[0]).document))
    }

    private func listKeys(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: SalesforceRoutes.sorts.map(\.name))
        var filter = CacheOnlyKeyFilter()
        (filter.identifier, filter.keyID) = (call.query["kid"], call.query["key_id"].flatMap { KeyID($0) })
        filter.isEnabled = call.query["state"].map { $0 == "enabled" }
        let now = call.stores.clock.now
        let found = try await call.stores.cacheOnlyKeys.list(filter, page.keyset(SalesforceRoutes.sorts), at: try call.id("endpoint"))
        return APIAnswer(200, .json(page.document(
            found.items, total: found.total,
            key: { (NamedSorts.value(page.sort, name: $0.identifier, $0.createdAt, $0.updatedAt), $0.id) },
            { CacheOnlyKeySchemas.document($0, at: now) })))
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        var draft = CacheOnlyKeyDraft(call.body)
        (draft.keyID, draft.version) = (call.body.id("key_id"), call.body["key_version"]?.integer.flatMap { KeyVersionNumber(exactly: $0) })
        let endpoint: EndpointID = try call.id("endpoint")
        try await checkGrantee(call, endpoint, draft.keyID)
        let entry = try await call.stores.cacheOnlyKeys.add(draft, at: endpoint, sources: sources)
        return made(entry, call)
    }

    /// A grant on one endpoint doesn't reach to keys that are others': with it, only the endpoint's own key is handed out there.
    private func checkGrantee(_ call: APICall, _ endpoint: EndpointID, _ key: KeyID?) async throws {
        guard let key, !call.caller.may(.updateEndpoints), try await call.stores.endpoints.find(endpoint).keyID != key else { return }
        throw Problem(
            .permissionDenied,
            "a grant on one endpoint is not enough to hand out another key than its own there: this needs “\(Permission.updateEndpoints.rawValue)” everywhere",
            remedy: "leave key_id out, or ask an administrator")
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        let entry = try await call.stores.cacheOnlyKeys.find(SalesforceRoutes.kid(call), at: try call.id("endpoint"))
        return .thing(CacheOnlyKeySchemas.document(entry, at: call.stores.clock.now), revision: entry.revision)
    }

    private func update(_ call: APICall) async throws -> APIAnswer {
        let change = CacheOnlyKeyChange(call.body)
        let endpoint: EndpointID = try call.id("endpoint")
        var expected = call.expectedRevision
        if change.notBefore != nil || change.notAfter != nil {
            let present = try await call.stores.cacheOnlyKeys.find(SalesforceRoutes.kid(call), at: endpoint)
            expected = expected ?? present.revision  // what is decided here holds for this one only
            if SalesforceRoutes.stops(present.key, change, at: call.stores.clock.now) { try SalesforceRoutes.checkStop(call, endpoint) }
        }
        let entry = try await call.stores.cacheOnlyKeys.update(SalesforceRoutes.kid(call), at: endpoint, change, expecting: expected)
        return changed(entry, call, cause: call.body.object?.map(\.name).filter { $0 != "confirm" }.joined(separator: " "))
    }

    /// Whether a change has a kid served at fewer times, which is the kill switch by another name.
    static func stops(_ present: CacheOnlyKey, _ change: CacheOnlyKeyChange, at now: Instant) -> Bool {
        present.losesTime(from: change.notBefore ?? present.notBefore, until: change.notAfter ?? present.notAfter, at: now)
    }

    private static func checkStop(_ call: APICall, _ endpoint: EndpointID) throws(Problem) {
        guard call.caller.may(.changeStateOfEndpoints, on: endpoint.description) else {
            throw Problem(
                .permissionDenied,
                "to serve a key at fewer times stops it, which needs the permission “\(Permission.changeStateOfEndpoints.rawValue)” as well",
                remedy: "ask an administrator")
        }
        guard call.body["confirm"]?.bool == true else {
            throw Problem(.confirmationRequired, CacheOnlyKeySchemas.warning, remedy: "repeat with \"confirm\": true")
        }
    }

    private func rotate(_ call: APICall) async throws -> APIAnswer {
        let endpoint: EndpointID = try call.id("endpoint")
        let present = try await call.stores.cacheOnlyKeys.find(SalesforceRoutes.kid(call), at: endpoint)
        guard call.caller.may(.rotateKeys, on: present.key.keyID.description) else {
            throw Problem(
                .permissionDenied, "to rotate needs the permission “\(Permission.rotateKeys.rawValue)” on the key as well",
                remedy: "ask an administrator")
        }
        let entry = try await call.stores.cacheOnlyKeys.rotate(
            present.identifier, at: endpoint, as: CacheOnlyKeyDraft(call.body), keys: call.stores.keys, sources: sources)
        return made(entry, call)
    }

    private func setState(_ call: APICall) async throws -> APIAnswer {
        let isEnabled = call.body["state"]?.string == "enabled"
        guard isEnabled || call.body["confirm"]?.bool == true else {
            throw Problem(
                .confirmationRequired, CacheOnlyKeySchemas.warning, remedy: "repeat with \"confirm\": true")
        }
        var change = CacheOnlyKeyChange()
        change.isEnabled = isEnabled
        let entry = try await call.stores.cacheOnlyKeys.update(
            SalesforceRoutes.kid(call), at: try call.id("endpoint"), change, expecting: call.expectedRevision)
        return changed(entry, call, cause: isEnabled ? "enabled" : "disabled")
    }

    private static func kid(_ call: APICall) -> String { call.parameters["kid"] ?? "" }

    private func made(_ entry: CacheOnlyKeyEntry, _ call: APICall) -> APIAnswer {
        var answer = changed(entry, call, cause: nil)
        answer.status = 201
        answer.headers.append(("Location", "/api/v1/endpoints/\(entry.endpointID)/cache-only-keys/\(entry.identifier)"))
        return answer
    }

    private func changed(_ entry: CacheOnlyKeyEntry, _ call: APICall, cause: String?) -> APIAnswer {
        .thing(
            CacheOnlyKeySchemas.document(entry, at: call.stores.clock.now), revision: entry.revision,
            audit: AuditDetail(
                target: "kid:\(entry.identifier)", keyID: entry.key.keyID, keyVersion: entry.key.version, endpointID: entry.endpointID, cause: cause),
            changesDataPlane: true)
    }
}

extension AuditEvent {
    static let cacheOnlyKeyCreated = AuditEvent("cache-only-key.created")
    static let cacheOnlyKeyChanged = AuditEvent("cache-only-key.changed")
    static let cacheOnlyKeyRotated = AuditEvent("cache-only-key.rotated")
}
