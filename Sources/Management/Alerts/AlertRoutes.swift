import KeyCore
import Primitives

extension AuditEvent {
    static let alertAcknowledged = AuditEvent("alert.acknowledged")
    static let alertSettingsChanged = AuditEvent("alert-settings.changed")
    static let alertWebhookTested = AuditEvent("alert-settings.tested")
}

/// Alerts, and who is told of them.
package struct AlertRoutes: RouteProvider {
    private let monitor: AlertMonitor

    /// Routes over a monitor.
    package init(_ monitor: AlertMonitor) { self.monitor = monitor }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/alerts", "listAlerts", "Alerts, latest first", tag: "Alerts", access: .needs(.readAlerts),
                query: [
                    QueryParameter("state", .oneOf(["open"] + Alert.State.allCases.map(\.rawValue)), "open is firing or acknowledged"),
                    QueryParameter("kind", .oneOf(AlertKind.self), "What it is about"),
                    QueryParameter("severity", .oneOf(AlertSeverity.self), "How bad it is"),
                ] + Page.parameters(sorts: ["since"]),
                answers: [200: .json(Page.schema(of: AlertSchemas.alert, name: "AlertPage"))], handler: list),
            Route(
                .post, "/api/v1/alerts/{alert}/acknowledge", "acknowledgeAlert", "Say that you know of it", tag: "Alerts",
                access: .needs(.updateAlerts), event: .alertAcknowledged, answers: [200: .json(AlertSchemas.alert)],
                allowsDryRun: true, allowsIfMatch: true, handler: acknowledge),
            Route(
                .get, "/api/v1/alert-settings", "getAlertSettings", "When alerts are raised and who is told", tag: "Alerts",
                access: .needs(.readAlerts), answers: [200: .json(AlertSchemas.settings)]) { call in
                    let settings = try await AlertSettingsStore(call.stores).find()
                    return .thing(AlertSchemas.document(settings), revision: settings.revision)
                },
            Route(
                .put, "/api/v1/alert-settings", "replaceAlertSettings",
                "Replace all of it; thresholds that are left out are the initial ones", tag: "Alerts", access: .needs(.updateAlerts),
                event: .alertSettingsChanged, quorum: .changeAuditSettings, body: .json(AlertSchemas.draft),
                answers: [200: .json(AlertSchemas.settings)], allowsDryRun: true, allowsIfMatch: true, handler: replace),
            Route(
                .post, "/api/v1/alert-settings/test", "testAlertWebhook", "Send a test to the webhook, and say what came of it", tag: "Alerts",
                access: .needs(.updateAlerts), event: .alertWebhookTested, answers: [200: .json(AlertSchemas.test)], handler: test),
        ]
    }

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: ["-since"])
        let states: [Alert.State] =
            switch call.query["state"] {
            case nil: Alert.State.allCases
            case "open": [.firing, .acknowledged]
            case let name?: Alert.State(rawValue: name).map { [$0] } ?? []
            }
        let (alerts, total) = try await AlertStore(call.stores).page(
            states: states, kind: call.query["kind"].flatMap(AlertKind.init), severity: call.query["severity"].flatMap(AlertSeverity.init), page)
        return APIAnswer(200, .json(page.document(
            alerts, total: total, key: { (.integer($0.since.nanoseconds), $0.id) }, AlertSchemas.document)))
    }

    private func acknowledge(_ call: APICall) async throws -> APIAnswer {
        let alert = try await AlertStore(call.stores).acknowledge(
            call.parameters["alert"] ?? "", by: call.caller.name, expecting: call.expectedRevision)
        return .thing(
            AlertSchemas.document(alert), revision: alert.revision,
            audit: AuditDetail(target: "\(alert.condition.kind.rawValue) \(alert.condition.subject)"))
    }

    private func replace(_ call: APICall) async throws -> APIAnswer {
        var settings = AlertSettings()
        for threshold in AlertSettings.Threshold.allCases {
            settings.thresholds[threshold] = call.body["thresholds"]?[threshold.rawValue]?.integer
        }
        if let url = call.body["webhook"]?["url"]?.string {
            try AlertWebhook.check(url)
            (settings.webhookURL, settings.isWebhookEnabled) = (url, call.body["webhook"]?["enabled"]?.bool ?? true)
        }
        let saved = try await AlertSettingsStore(call.stores).replace(
            settings, secret: call.body["webhook"]?["secret"]?.string, expecting: call.expectedRevision)
        return .thing(
            AlertSchemas.document(saved), revision: saved.revision, audit: AuditDetail(target: saved.webhookURL ?? "no webhook"))
    }

    private func test(_ call: APICall) async throws -> APIAnswer {
        guard let webhook = try await AlertSettingsStore(call.stores).webhook() else {
            throw Problem(.wrongState, "there is no webhook that is to be told", remedy: "set one: PUT /api/v1/alert-settings")
        }
        let now = call.stores.clock.now
        let condition = AlertCondition(.test, .warning, "webhook", "a test, sent by \(call.caller.name)")
        let alert = Alert(id: try UUIDBytes.random().description, condition: condition, state: .firing, since: now, revision: 1)
        let delivery = try AlertDelivery(alert, webhook: webhook.url, at: now)
        let fault = await monitor.send(Array(delivery.body.utf8), id: delivery.id, to: webhook)
        return APIAnswer(
            200, .json(["delivered": .bool(fault == nil), "delivery": .string(delivery.id), "fault": .optional(fault.map {
                AuditText.clean($0, limit: 400)
            })]), audit: AuditDetail(target: webhook.url, cause: fault == nil ? "taken" : "not-taken"))
    }
}
