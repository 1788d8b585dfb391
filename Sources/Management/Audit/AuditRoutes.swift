package import KeyCore
import Primitives

extension AuditEvent {
    static let auditExported = AuditEvent("audit.exported")
    static let auditVerified = AuditEvent("audit.verified")
}

/// Search, export, statistics and verification of the audit journal.
package struct AuditRoutes: RouteProvider {
    /// How long a search waits until what was written before it can be found.
    private static let patience = Duration.seconds(2)
    private let index: AuditIndexer
    private let verification: AuditVerification
    private let turns: AuditTurns

    /// Routes over an index, and what verifies the journal.
    package init(index: AuditIndexer, verification: AuditVerification) {
        self.init(index: index, verification: verification, turns: AuditTurns())
    }

    init(index: AuditIndexer, verification: AuditVerification, turns: AuditTurns) {
        (self.index, self.verification, self.turns) = (index, verification, turns)
    }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/audit", "searchAudit", "Search the audit; what was on record before is found", tag: "Audit",
                access: .needs(.readAudit), query: AuditQuery.parameters + Page.parameters(sorts: ["time"]),
                answers: [200: .json(AuditSchemas.page)], handler: search),
            Route(
                .get, "/api/v1/audit/export", "exportAudit", "All records that match, oldest first, as a file; without until up to the present", tag: "Audit",
                access: .needs(.exportAudit), event: .auditExported,
                query: AuditQuery.parameters + [
                    QueryParameter("format", .oneOf(AuditExport.Format.self), "jsonl (the journal's own lines, the default) or csv"),
                ],
                answers: [200: .either(types: AuditExport.Format.allCases.map(\.type))], handler: export),
            Route(
                .get, "/api/v1/audit/statistics", "getAuditStatistics", "How many records of which kind", tag: "Audit",
                access: .needs(.readAudit),
                query: AuditQuery.parameters + [
                    QueryParameter("interval", .oneOf(["hour", "day"]), "The length of a bar; hour if left out"),
                    QueryParameter("top", .integer(1...1000), "How many values of each kind at most; 10 if left out"),
                ],
                answers: [200: .json(AuditSchemas.statistics)], handler: statistics),
            Route(
                .post, "/api/v1/audit/verify", "verifyAudit", "Check the whole journal: order, chain, signatures, anchor", tag: "Audit",
                access: .needs(.verifyAudit), event: .auditVerified, answers: [200: .json(AuditSchemas.report)], handler: verify),
        ]
    }

    private func search(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: ["-time"])
        let after = try page.after.map { after throws(Problem) in try AuditPlace(after) }
        let isComplete = await index.catchUp(within: AuditRoutes.patience)
        let search = AuditSearch(database: call.stores.database)
        let (hits, total) = try await turns.take {
            try await search.page(AuditQuery(call.query), after: after, newestFirst: page.isDescending, limit: page.limit + 1)
        }
        let document = page.document(hits, total: total, key: { $0.place.cursor }, AuditSchemas.document)
        return APIAnswer(200, .json(document.adding([
            "indexed_through": AuditSchemas.document(index.status), "is_complete": .bool(isComplete),
        ])))
    }

    private func export(_ call: APICall) async throws -> APIAnswer {
        guard await index.catchUp(within: .seconds(30)) else {
            throw Problem.unavailable("the audit index is behind the journal", cause: index.status.failure ?? "it takes too long")
        }
        let format = call.query["format"].flatMap(AuditExport.Format.init) ?? .jsonl
        var query = AuditQuery(call.query)
        query.until = query.until ?? call.stores.clock.now  // or else it would run after what is recorded while it runs
        let export = AuditExport(search: AuditSearch(database: call.stores.database), query: query, format: format, turns: turns)
        return APIAnswer(200, .stream(export.body, type: format.type, filename: "audit.\(format.rawValue)"))
    }

    private func statistics(_ call: APICall) async throws -> APIAnswer {
        let isDaily = call.query["interval"] == "day"
        var query = AuditQuery(call.query)
        let until = query.until ?? call.stores.clock.now + .nanoseconds(1)
        let since = query.since ?? until - .seconds(isDaily ? 30 * 86400 : 86400)
        (query.since, query.until) = (since, until)
        let isComplete = await index.catchUp(within: AuditRoutes.patience)
        let search = AuditSearch(database: call.stores.database)
        let found = try await turns.take { [query] in
            try await search.statistics(query, seconds: isDaily ? 86400 : 3600, top: call.query["top"].flatMap { Int($0) } ?? 10)
        }
        func list(_ counts: [AuditStatistics.Count]) -> JSONValue {
            .array(counts.map { ["value": .string($0.value), "count": .integer($0.count)] })
        }
        return APIAnswer(200, .json([
            "since": .optional(since), "until": .optional(until), "total": .integer(found.total),
            "bars": .array(found.bars.map {
                ["start": .optional($0.start), "outcome": .string($0.outcome), "count": .integer($0.count)]
            }),
            "events": list(found.events), "outcomes": list(found.outcomes), "causes": list(found.causes),
            "endpoints": list(found.endpoints), "principals": list(found.principals), "resources": list(found.resources),
            "indexed_through": AuditSchemas.document(index.status), "is_complete": .bool(isComplete),
        ]))
    }

    private func verify(_ call: APICall) async throws -> APIAnswer {
        let report = try await verification.run()
        return APIAnswer(
            200, .json(AuditSchemas.document(report)), audit: AuditDetail(cause: report.isIntact ? "intact" : "fault-found"))
    }
}
