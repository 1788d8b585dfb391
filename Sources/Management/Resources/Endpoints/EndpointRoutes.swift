import KeyCore
import Primitives

/// Endpoints: the places that vendors' consoles are pointed to.
package struct EndpointRoutes: RouteProvider {
    private let services: ResourceServices

    /// Routes that need these services.
    package init(services: ResourceServices) { self.services = services }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/endpoints", "listEndpoints", "Endpoints", tag: "Endpoints", access: .lists(.readEndpoints, .endpoint),
                query: Page.parameters(sorts: NamedSorts.all.map(\.name)) + EndpointRoutes.filters,
                answers: [200: .json(Page.schema(of: EndpointSchemas.endpoint, name: "EndpointPage"))], handler: list),
            Route(
                .post, "/api/v1/endpoints", "createEndpoint", "Create an endpoint, active at once", tag: "Endpoints",
                access: .needs(.createEndpoints), event: .endpointCreated, quorum: .changePolicy, body: .json(EndpointSchemas.draft),
                answers: [201: .json(EndpointSchemas.endpoint)], isCreation: true, allowsDryRun: true, handler: create),
            Route(
                .get, "/api/v1/endpoints/{endpoint}", "getEndpoint", "One endpoint with the URL to paste into the vendor's console",
                tag: "Endpoints", access: .needsOn(.readEndpoints, .endpoint, parameter: "endpoint"),
                answers: [200: .json(EndpointSchemas.endpoint)], handler: get),
            Route(
                .patch, "/api/v1/endpoints/{endpoint}", "updateEndpoint", "Change an endpoint; requests see all of it at once", tag: "Endpoints",
                access: .needsOn(.updateEndpoints, .endpoint, parameter: "endpoint"), event: .endpointChanged,
                quorum: .changePolicy, body: .json(EndpointSchemas.change), answers: [200: .json(EndpointSchemas.endpoint)], allowsDryRun: true, allowsIfMatch: true,
                handler: update),
            Route(
                .put, "/api/v1/endpoints/{endpoint}/state", "setEndpointState", "Activate, pause, disable or archive an endpoint, or bring it back", tag: "Endpoints",
                access: .needsOn(.changeStateOfEndpoints, .endpoint, parameter: "endpoint"), event: .endpointChanged, quorum: .disableEndpoint,
                body: .json(EndpointSchemas.stateChange), answers: [200: .json(EndpointSchemas.endpoint)], allowsDryRun: true,
                allowsIfMatch: true, handler: setState),
            Route(
                .post, "/api/v1/endpoints/{endpoint}/test", "testEndpoint",
                "Call an endpoint by its URLs (the first four) as the vendor's console and browsers do, and explain each step", tag: "Endpoints",
                access: .needsOn(.updateEndpoints, .endpoint, parameter: "endpoint"), event: .endpointTested,
                answers: [200: .json(EndpointProbe.report)], handler: test),
            Route(
                .delete, "/api/v1/endpoints/{endpoint}", "deleteEndpoint", "Remove an endpoint; its key stays, its callers are answered 404",
                tag: "Endpoints", access: .needsOn(.deleteEndpoints, .endpoint, parameter: "endpoint"), event: .endpointDeleted,
                quorum: .deleteEndpoint, answers: [204: .empty], allowsDryRun: true, allowsIfMatch: true, handler: delete),
        ]
    }

    private static let filters = ResourceFields.names + [
        QueryParameter("door", .oneOf(FrontDoorKind.self), "Only those that speak this protocol"),
        QueryParameter("state", .oneOf(EndpointState.self), "Only those in this state"),
        QueryParameter("key_id", .id, "Only those of this key"),
        QueryParameter("policy_id", .id, "Only those with this policy"),
    ]

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: NamedSorts.all.map(\.name))
        var filter = EndpointFilter()
        (filter.name, filter.namePrefix, filter.visible) = (call.query["name"], call.query["name_prefix"], call.visible)
        filter.door = call.query["door"].flatMap(FrontDoorKind.init)
        filter.state = call.query["state"].flatMap(EndpointState.init)
        (filter.keyID, filter.policyID) = (call.query["key_id"].flatMap { KeyID($0) }, call.query["policy_id"].flatMap { PolicyID($0) })
        let found = try await call.stores.endpoints.list(filter, page.keyset(NamedSorts.all))
        return APIAnswer(200, .json(page.document(
            found.items, total: found.total,
            key: { (NamedSorts.value(page.sort, name: $0.name, $0.createdAt, $0.updatedAt), $0.id.description) },
            { EndpointSchemas.document($0, services) })))
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        let body = call.body
        guard let keyID = body.id("key_id", as: KeyID.self), let policyID = body.id("policy_id", as: PolicyID.self) else {
            throw Problem.invalid("/key_id", expected: "an id")
        }
        var draft = EndpointDraft(
            name: body["name"]?.string ?? "", hostnames: body.texts("hostnames") ?? [], keyID: keyID, policyID: policyID,
            issuers: body.ids("issuer_ids") ?? [])
        draft.description = body["description"]?.string ?? ""
        (draft.door, draft.path) = (body["door"]?.string.flatMap(FrontDoorKind.init) ?? .ekm, body["path"]?.string)
        (draft.extraAudiences, draft.allowedProjects) = (body.texts("extra_audiences") ?? [], body.texts("allowed_projects") ?? [])
        if let options = body["kacls"], options != .null { draft.kacls = try KACLSOptions(checking: options) }
        draft.port = services.dataPlanePort()
        let id = try EndpointID.random()
        draft.id = id
        var salesforce = SalesforceBody(endpoint: id, now: call.stores.clock.now)
        if let given = body["salesforce"], given != .null { draft.salesforce = try salesforce.options(given) }
        let entry = try await call.stores.endpoints.add(draft)
        // The server would make the first one within a second; so `certs` has it when the answer comes.
        if entry.kacls != nil, !call.isDryRun { try? await SigningKeyRoutes.makeFirst(call.stores) }
        var answer = answer(entry, passwords: call.isDryRun ? [:] : salesforce.passwords)
        answer.status = 201
        answer.headers.append(("Location", "/api/v1/endpoints/\(entry.id)"))
        return answer
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        answer(try await call.stores.endpoints.find(try call.id("endpoint", as: EndpointID.self)), isChange: false)
    }

    private func update(_ call: APICall) async throws -> APIAnswer {
        let id: EndpointID = try call.id("endpoint")
        let present = try await call.stores.endpoints.find(id)
        try EndpointRoutes.checkGrantee(call, present)
        if present.door == .salesforce, let path = call.body["path"]?.string, path != present.path, call.body["confirm"]?.bool != true {
            throw Problem(
                .confirmationRequired, "the org calls /\(present.path), which would be answered 404: Salesforce then marks its keys as destroyed",
                remedy: "have the URL of the org's named credential changed in the same moment, and repeat with \"confirm\": true")
        }
        var change = EndpointChange(call.body)
        var salesforce = SalesforceBody(endpoint: id, now: call.stores.clock.now)
        if let given = call.body["salesforce"], given != .null { change.salesforce = try salesforce.change(given) }
        let entry = try await call.stores.endpoints.update(id, change, expecting: call.expectedRevision)
        return answer(
            entry, cause: call.body.object?.map(\.name).filter { $0 != "confirm" }.joined(separator: " "), passwords: call.isDryRun ? [:] : salesforce.passwords)
    }

    /// A grant on one endpoint doesn't reach to keys, policies, issuers and names that are others': with it, only what describes the endpoint
    /// is changed.
    private static func checkGrantee(_ call: APICall, _ present: EndpointEntry) throws(Problem) {
        let describing = EndpointSchemas.describing(present.door)
        guard !call.caller.may(.updateEndpoints), let field = call.body.object?.first(where: { !describing.contains($0.name) })?.name
        else { return }
        throw Problem(
            .permissionDenied, "a grant on one endpoint is not enough to change “\(field)”: this needs “\(Permission.updateEndpoints.rawValue)” everywhere",
            remedy: "change only \(describing.subtracting(["confirm"]).sorted().joined(separator: ", ")), or ask an administrator")
    }

    private func setState(_ call: APICall) async throws -> APIAnswer {
        guard let state = call.body["state"]?.string.flatMap(EndpointState.init) else { throw Problem.invalid("/state", expected: "a state") }
        let id: EndpointID = try call.id("endpoint")
        if state != .active, call.body["confirm"]?.bool != true {
            let door = try await call.stores.endpoints.find(id).door
            guard state == .paused, door != .salesforce else {
                let meant = door == .ekm && state == .archived ? .disabled : state
                throw Problem(
                    .confirmationRequired, EndpointWarnings.state(meant, of: door) ?? "",
                    remedy: "\(door == .salesforce ? "" : "pause it instead, or ")repeat with \"confirm\": true")
            }
        }
        let entry = try await call.stores.endpoints.setState(state, of: id, expecting: call.expectedRevision)
        return answer(entry, cause: state.rawValue)
    }

    private func test(_ call: APICall) async throws -> APIAnswer {
        let entry = try await call.stores.endpoints.find(try call.id("endpoint", as: EndpointID.self))
        var probe = EndpointProbe(send: services.send)
        let urls = EndpointSchemas.urls(entry, port: services.dataPlanePort()).prefix(EndpointProbe.maxURLs)
        if let kacls = entry.kacls {
            for url in urls { await probe.probeKACLS(url, origins: kacls.origins) }
            probe.look(at: services.issuerKeys(entry.id))
        } else {
            for url in urls { await probe.probeReach(url, of: entry.door) }
            probe.look(forRequestOfCertificates: EndpointWarnings.unasked(entry, services.asksForClientCertificate))
        }
        return APIAnswer(200, .json(probe.document), audit: AuditDetail(target: entry.name, endpointID: entry.id, cause: probe.isFine ? "ok" : "failed"))
    }

    private func delete(_ call: APICall) async throws -> APIAnswer {
        let entry = try await call.stores.endpoints.delete(try call.id("endpoint"), expecting: call.expectedRevision)
        return APIAnswer(204, audit: AuditDetail(target: entry.name, endpointID: entry.id), changesDataPlane: true)
    }

    private func answer(
        _ entry: EndpointEntry, cause: String? = nil, isChange: Bool = true, passwords: [String: String] = [:]
    ) -> APIAnswer {
        .thing(
            EndpointSchemas.document(entry, services, passwords: passwords), revision: entry.revision,
            audit: AuditDetail(target: entry.name, endpointID: entry.id, cause: cause), changesDataPlane: isChange)
    }
}

extension AuditEvent {
    static let endpointTested = AuditEvent("endpoint.tested")
}
