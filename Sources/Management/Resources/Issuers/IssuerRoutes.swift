import KeyCore
import Primitives

/// Issuers: whose tokens are believed.
package struct IssuerRoutes: RouteProvider {
    private let services: ResourceServices

    /// Routes that need these services.
    package init(services: ResourceServices) { self.services = services }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/issuers", "listIssuers", "Issuers", tag: "Issuers", access: .needs(.readIssuers),
                query: Page.parameters(sorts: NamedSorts.all.map(\.name)) + [
                    QueryParameter("name", .text(1...128), "Only the one with exactly this name"),
                    QueryParameter("enabled", .boolean, "Only those that are, or are not, enabled"),
                ],
                answers: [200: .json(Page.schema(of: IssuerSchemas.issuer, name: "IssuerPage"))], handler: list),
            Route(
                .post, "/api/v1/issuers", "createIssuer",
                "Believe an issuer's tokens: by the address of its JWK Set, by its OpenID configuration, or with pinned keys", tag: "Issuers",
                access: .needs(.createIssuers), event: .issuerCreated, body: .json(IssuerSchemas.draft),
                answers: [201: .json(IssuerSchemas.issuer)], isCreation: true, allowsDryRun: true, handler: create),
            Route(
                .post, "/api/v1/issuers/test", "testIssuer", "Fetch what an issuer publishes and explain each step; nothing is kept",
                tag: "Issuers", access: .needs(.createIssuers), event: .issuerTested, body: .json(IssuerSchemas.test),
                answers: [200: .json(IssuerSchemas.report)], handler: test),
            Route(
                .get, "/api/v1/issuers/{issuer}", "getIssuer", "One issuer", tag: "Issuers", access: .needs(.readIssuers),
                answers: [200: .json(IssuerSchemas.issuer)], handler: get),
            Route(
                .patch, "/api/v1/issuers/{issuer}", "updateIssuer", "Change, enable or disable an issuer; tokens verified before count no more",
                tag: "Issuers", access: .needs(.updateIssuers), event: .issuerChanged, quorum: .changePolicy, body: .json(IssuerSchemas.change),
                answers: [200: .json(IssuerSchemas.issuer)], allowsDryRun: true, allowsIfMatch: true, handler: update),
            Route(
                .delete, "/api/v1/issuers/{issuer}", "deleteIssuer", "Remove an issuer that no endpoint believes", tag: "Issuers",
                access: .needs(.deleteIssuers), event: .issuerDeleted, answers: [204: .empty], allowsDryRun: true, allowsIfMatch: true,
                handler: delete),
        ]
    }

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: NamedSorts.all.map(\.name))
        let found = try await call.stores.issuers.list(
            name: call.query["name"], isEnabled: call.query["enabled"].map { $0 == "true" }, page.keyset(NamedSorts.all))
        return APIAnswer(200, .json(page.document(
            found.items, total: found.total,
            key: { (NamedSorts.value(page.sort, name: $0.issuer.name, $0.createdAt, $0.updatedAt), $0.issuer.id.description) },
            IssuerSchemas.document)))
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        let origin = try await origin(call.body)
        guard let keys = origin.keys else {
            throw Problem.invalid("/jwks_url", expected: "one of jwks_url, openid_configuration_url and jwks")
        }
        guard let values = call.body.texts("values") ?? origin.values else {
            throw Problem.invalid("/values", expected: "the accepted values of iss, because no OpenID configuration tells them")
        }
        let issuer = Issuer(
            id: try IssuerID.random(), name: call.body["name"]?.string ?? "", values: values, keys: keys,
            algorithms: IssuerRoutes.algorithms(call.body) ?? [.rs256], claims: IssuerRoutes.claims(call.body, Issuer.ClaimRules()),
            isEnabled: call.body["enabled"]?.bool ?? true)
        let entry = try await call.stores.issuers.create(
            issuer, description: call.body["description"]?.string ?? "", openIDConfigurationURL: origin.configurationURL)
        var answer = answer(entry)
        answer.status = 201
        answer.headers.append(("Location", "/api/v1/issuers/\(issuer.id)"))
        return answer
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        let entry = try await call.stores.issuers.find(try call.id("issuer", as: IssuerID.self))
        return .thing(IssuerSchemas.document(entry), revision: entry.revision)
    }

    private func update(_ call: APICall) async throws -> APIAnswer {
        let (id, body): (IssuerID, JSONValue) = (try call.id("issuer"), call.body)
        let present = try await call.stores.issuers.find(id)
        let origin = try await origin(body)
        var change = IssuerChange()
        (change.name, change.description, change.isEnabled) = (body["name"]?.string, body["description"]?.string, body["enabled"]?.bool)
        (change.values, change.keys) = (body.texts("values") ?? origin.values, origin.keys)
        change.algorithms = IssuerRoutes.algorithms(body)
        change.claims = IssuerRoutes.claims(body, present.issuer.claims)
        // Rules that aren't named are those just read: nobody may have changed them in between.
        let entry = try await call.stores.issuers.update(id, change, expecting: call.expectedRevision ?? present.revision)
        return answer(entry, cause: body.object?.map(\.name).joined(separator: " "))
    }

    private func delete(_ call: APICall) async throws -> APIAnswer {
        let entry = try await call.stores.issuers.delete(try call.id("issuer"), expecting: call.expectedRevision)
        return APIAnswer(204, audit: AuditDetail(target: entry.issuer.name), changesDataPlane: true)
    }

    private func test(_ call: APICall) async throws -> APIAnswer {
        var probe = IssuerProbe(fetch: services.fetch, algorithms: IssuerRoutes.algorithms(call.body) ?? [.rs256])
        switch try IssuerRoutes.named(call.body) {
        case .configuration(let url): await probe.probe(openIDConfigurationURL: url)
        case .address(let url): await probe.probe(jwksURL: url)
        case .document(let document): probe.probe(jwks: document.json)
        case nil: throw Problem.invalid("/jwks_url", expected: "one of jwks_url, openid_configuration_url and jwks")
        }
        return APIAnswer(200, .json(IssuerSchemas.document(probe)), audit: AuditDetail(target: probe.jwksURL, cause: probe.isFine ? "ok" : "failed"))
    }

    // MARK: Parts

    private enum Named {
        case address(String)
        case configuration(String)
        case document(JSONValue)
    }

    /// Where a body says that keys come from; nil if it doesn't.
    private static func named(_ body: JSONValue) throws(Problem) -> Named? {
        switch (body["jwks_url"]?.string, body["openid_configuration_url"]?.string, body["jwks"]) {
        case (let url?, nil, nil): return .address(url)
        case (nil, let url?, nil): return .configuration(url)
        case (nil, nil, let document?): return .document(document)
        case (nil, nil, nil): return nil
        default: throw .invalid("/jwks_url", expected: "only one of jwks_url, openid_configuration_url and jwks")
        }
    }

    private func origin(_ body: JSONValue) async throws -> (keys: Issuer.KeyOrigin?, values: [String]?, configurationURL: String?) {
        switch try IssuerRoutes.named(body) {
        case nil: return (nil, nil, nil)
        case .address(let url): return (.jwksURL(url), nil, nil)
        case .document(let document): return (.pinned(jwks: String(decoding: document.json, as: UTF8.self)), nil, nil)
        case .configuration(let url):
            var probe = IssuerProbe(fetch: services.fetch, algorithms: [.rs256])
            guard await probe.readConfiguration(url), let address = probe.jwksURL, let issuer = probe.issuer else {
                throw Problem.invalid("/openid_configuration_url", expected: "an OpenID configuration that can be read; \(probe.failure ?? "")")
            }
            if let values = body.texts("values"), !values.contains(issuer) {
                throw Problem.invalid("/values", expected: "values with the one that the OpenID configuration names: “\(issuer)”")
            }
            return (.jwksURL(address), [issuer], url)
        }
    }

    private static func algorithms(_ body: JSONValue) -> Set<SignatureAlgorithm>? {
        body.texts("algorithms").map { Set($0.compactMap(SignatureAlgorithm.init)) }
    }

    private static func claims(_ body: JSONValue, _ present: Issuer.ClaimRules) -> Issuer.ClaimRules {
        var claims = present
        if let flag = body["require_verified_email"]?.bool { claims.requiresVerifiedEmail = flag }
        if let suffixes = body.texts("allowed_email_suffixes") { claims.allowedEmailSuffixes = suffixes.map { $0.lowercased() } }
        if let flag = body["allow_missing_kid"]?.bool { claims.allowsMissingKeyID = flag }
        if let seconds = body["max_lifetime_seconds"]?.integer { claims.maxLifetime = .seconds(seconds) }
        return claims
    }

    private func answer(_ entry: IssuerEntry, cause: String? = nil) -> APIAnswer {
        .thing(
            IssuerSchemas.document(entry), revision: entry.revision, audit: AuditDetail(target: entry.issuer.name, cause: cause),
            changesDataPlane: true)
    }
}

extension AuditEvent {
    static let issuerTested = AuditEvent("issuer.tested")
}
