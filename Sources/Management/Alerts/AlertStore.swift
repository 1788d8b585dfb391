import KeyCore
import Primitives

/// Keeps alerts and what is still to be told of them.
struct AlertStore: Sendable {
    private static let keptFor = Duration.seconds(90 * 86400)
    private static let columns = """
        id, kind, severity, subject, detail, state, since, resolved_at, acknowledged_at, acknowledged_by, revision
        """
    private let stores: Stores

    init(_ stores: Stores) { self.stores = stores }

    // MARK: Conditions

    /// Makes the alerts of some kinds say what is the case now: new ones fire, known ones go on, others are resolved. What changed is queued for
    /// the webhook in the same transaction.
    /// - Returns: the alerts that fire, got worse or are resolved.
    func reconcile(_ conditions: [AlertCondition], of kinds: Set<AlertKind>) async throws -> [Alert] {
        let known = try await stores.database.read { try AlertStore.open(in: $0) }.filter { kinds.contains($0.condition.kind) }
        // Mostly nothing has changed, and then nothing is written.
        if known.count == conditions.count, conditions.allSatisfy({ condition in known.contains { $0.condition == condition } }) { return [] }
        let now = stores.clock.now
        return try await stores.database.write { connection in
            var changed: [Alert] = []
            var open = try AlertStore.open(in: connection).filter { kinds.contains($0.condition.kind) }
            for condition in conditions {
                if let index = open.firstIndex(where: { $0.condition.kind == condition.kind && $0.condition.subject == condition.subject }) {
                    let known = open.remove(at: index)
                    if let worse = try AlertStore.update(known, condition, in: connection) { changed.append(worse) }
                } else {
                    let alert = Alert(
                        id: try UUIDBytes.random().description, condition: condition, state: .firing, since: now, revision: 1)
                    try AlertStore.insert(alert, in: connection)
                    changed.append(alert)
                }
            }
            for alert in open {
                var alert = alert
                (alert.state, alert.resolvedAt, alert.revision) = (.resolved, now, alert.revision + 1)
                try AlertStore.save(alert, in: connection)
                changed.append(alert)
            }
            for alert in changed { try AlertStore.queue(alert, at: now, in: connection) }
            try connection.execute(
                "DELETE FROM alerts WHERE state = 'resolved' AND resolved_at < $1", [.integer((now - AlertStore.keptFor).nanoseconds)])
            return changed
        }
    }

    /// What of a known alert is another now; not nil if it got worse, which counts as news even if somebody knew of it.
    private static func update(
        _ known: Alert, _ condition: AlertCondition, in connection: borrowing SQLConnection
    ) throws -> Alert? {
        guard known.condition != condition else { return nil }
        var alert = known
        let isWorse = condition.severity == .critical && known.condition.severity == .warning
        alert.condition = condition
        alert.revision += 1
        if isWorse { (alert.state, alert.acknowledgedAt, alert.acknowledgedBy) = (.firing, nil, nil) }
        try save(alert, in: connection)
        return isWorse ? alert : nil
    }

    // MARK: People

    /// Alerts in the order of their beginning.
    func page(
        states: [Alert.State], kind: AlertKind?, severity: AlertSeverity?, _ page: Page
    ) async throws -> (alerts: [Alert], total: Int64) {
        let after: (Int64, String)? = try page.after.map { after throws(Problem) in
            guard let since = after.value.integer else {
                throw .invalid("query:cursor", expected: "the next_cursor of an answer with the same sort")
            }
            return (since, after.id)
        }
        return try await stores.database.read { connection in
            let filter = """
                (CAST($1 AS TEXT) IS NULL OR kind = $1) AND (CAST($2 AS TEXT) IS NULL OR severity = $2)
                AND (state = $3 OR state = $4 OR state = $5)
                """
            let names = states.map { SQLValue.text($0.rawValue) } + [.null, .null, .null]
            let arguments: [SQLValue] = [.optional(kind?.rawValue), .optional(severity?.rawValue)] + names.prefix(3)
            let total = try connection.query("SELECT COUNT(*) AS total FROM alerts WHERE \(filter)", arguments).first?.integer("total") ?? 0
            let (sign, order) = page.isDescending ? ("<", "DESC") : (">", "ASC")
            let rows = try connection.query(
                """
                SELECT \(AlertStore.columns) FROM alerts WHERE \(filter) AND (since \(sign) $6 OR (since = $6 AND id \(sign) $7))
                ORDER BY since \(order), id \(order) LIMIT $8
                """,
                arguments + [
                    .integer(after?.0 ?? (page.isDescending ? .max : .min)), .text(after?.1 ?? ""), .integer(Int64(page.limit + 1)),
                ])
            return (try rows.compactMap(AlertStore.alert), total)
        }
    }

    /// Notes that somebody knows of an alert.
    func acknowledge(_ id: String, by actor: String, expecting revision: Int64?) async throws -> Alert {
        let now = stores.clock.now
        return try await stores.database.write { connection in
            let rows = try connection.query("SELECT \(AlertStore.columns) FROM alerts WHERE id = $1", [.text(id)])
            guard let row = rows.first, var alert = try AlertStore.alert(row) else { throw StoreError.notFound("alert \(id)") }
            guard revision == nil || revision == alert.revision else { throw StoreError.changed("the alert") }
            guard alert.state != .resolved else { throw StoreError.refused("the alert is resolved already") }
            guard alert.state == .firing else { return alert }
            (alert.state, alert.acknowledgedAt, alert.acknowledgedBy) = (.acknowledged, now, actor)
            alert.revision += 1
            try AlertStore.save(alert, in: connection)
            return alert
        }
    }

    /// How many alerts there are that aren't resolved, by kind, severity and state.
    func counts() async throws -> [(labels: [String], count: Int64)] {
        try await stores.database.query(
            "SELECT kind, severity, state, COUNT(*) AS count FROM alerts WHERE state <> 'resolved' GROUP BY kind, severity, state ORDER BY 1, 2, 3"
        ).map { row in ([try row.text("kind"), try row.text("severity"), try row.text("state")], try row.integer("count")) }
    }

    // MARK: Rows

    private static func open(in connection: borrowing SQLConnection) throws -> [Alert] {
        try connection.query("SELECT \(columns) FROM alerts WHERE state <> 'resolved'").compactMap(alert)
    }

    private static func alert(_ row: SQLRow) throws -> Alert? {
        guard let kind = AlertKind(rawValue: try row.text("kind")), let severity = AlertSeverity(rawValue: try row.text("severity")),
            let state = Alert.State(rawValue: try row.text("state"))
        else { return nil }
        let condition = AlertCondition(kind, severity, try row.text("subject"), try row.text("detail"))
        return Alert(
            id: try row.text("id"), condition: condition, state: state, since: Instant(nanoseconds: try row.integer("since")),
            resolvedAt: try row.optionalInteger("resolved_at").map(Instant.init(nanoseconds:)),
            acknowledgedAt: try row.optionalInteger("acknowledged_at").map(Instant.init(nanoseconds:)),
            acknowledgedBy: try row.optionalText("acknowledged_by"), revision: try row.integer("revision"))
    }

    private static func insert(_ alert: Alert, in connection: borrowing SQLConnection) throws {
        try connection.execute(
            "INSERT INTO alerts (id, kind, severity, subject, detail, state, since, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            [
                .text(alert.id), .text(alert.condition.kind.rawValue), .text(alert.condition.severity.rawValue),
                .text(alert.condition.subject), .text(alert.condition.detail), .text(alert.state.rawValue),
                .integer(alert.since.nanoseconds), .integer(alert.revision),
            ])
    }

    private static func save(_ alert: Alert, in connection: borrowing SQLConnection) throws {
        try connection.execute(
            """
            UPDATE alerts SET severity = $2, detail = $3, state = $4, resolved_at = $5, acknowledged_at = $6, acknowledged_by = $7,
                revision = $8 WHERE id = $1
            """,
            [
                .text(alert.id), .text(alert.condition.severity.rawValue), .text(alert.condition.detail), .text(alert.state.rawValue),
                .optional(alert.resolvedAt?.nanoseconds), .optional(alert.acknowledgedAt?.nanoseconds), .optional(alert.acknowledgedBy),
                .integer(alert.revision),
            ])
    }

    private static func queue(_ alert: Alert, at now: Instant, in connection: borrowing SQLConnection) throws {
        let settings = try AlertSettingsStore.find(in: connection).settings
        guard settings.isWebhookEnabled, let url = settings.webhookURL else { return }
        try AlertDelivery(alert, webhook: url, at: now).insert(in: connection)
    }
}
