import KeyCore
import Logging
import Primitives
import Synchronization

/// Looks what is the case, keeps the alerts, and tells of them: log, metric, webhook.
package final class AlertMonitor: Sendable {
    private let stores: Stores
    private let settings: RuntimeSettings
    private let checks: Mutex<AlertChecks>
    private let client = HTTPClient(threads: 2)
    private let counts = Mutex<[(labels: [String], count: Int64)]>([])
    private let deliveries = MetricCounterFamily(labels: ["outcome"])
    private let logger: Logger

    init(stores: Stores, index: AuditIndexer, settings: RuntimeSettings, metrics: MetricRegistry, logger: Logger) {
        (self.stores, self.settings, self.logger) = (stores, settings, logger)
        checks = Mutex(AlertChecks(stores: stores, index: index, sources: AlertSources()))
        metrics.add("holdfast_alerts", .gauge, "Alerts that are not resolved") { [weak self] in
            (self?.counts.withLock { $0 } ?? []).map { MetricSample(Array(zip(["kind", "severity", "state"], $0.labels)), .integer($0.count)) }
        }
        metrics.add("holdfast_alert_deliveries_total", "Attempts to tell the webhook, by outcome", deliveries)
    }

    /// From now on the checks ask these.
    package func observe(_ sources: AlertSources) {
        checks.withLock { $0 = AlertChecks(stores: stores, index: $0.index, sources: sources) }
    }

    /// Checks everything once. A check that fails leaves its alerts as they are and doesn't stop the others.
    /// - Throws: the first failure, after all checks.
    package func evaluate() async throws {
        let settings = try await AlertSettingsStore(stores).find()
        var failure: (any Error)?
        for check in checks.withLock({ $0 }).all {
            do {
                let conditions = try await check.find(settings, stores.clock.now)
                for alert in try await AlertStore(stores).reconcile(conditions, of: check.kinds) { tell(alert) }
            } catch {
                failure = failure ?? error
            }
        }
        let present = try await AlertStore(stores).counts()
        counts.withLock { $0 = present }
        if let failure { throw failure }
    }

    private func tell(_ alert: Alert) {
        let level: Logger.Level = alert.state == .resolved ? .notice : alert.condition.severity == .critical ? .error : .warning
        logger.log(level: level, "alert \(alert.state.rawValue)", metadata: [
            "alert": "\(alert.id)", "kind": "\(alert.condition.kind.rawValue)", "severity": "\(alert.condition.severity.rawValue)",
            "subject": "\(alert.condition.subject)", "detail": "\(alert.condition.detail)",
        ])
    }

    // MARK: The webhook

    /// Sends what is due, in order.
    package func deliver() async throws {
        let due = try await AlertDelivery.due(at: stores.clock.now, in: stores.database)
        guard !due.isEmpty else { return }
        let webhook = try await AlertSettingsStore(stores).webhook()
        for delivery in due {
            guard let webhook, webhook.url == delivery.webhook else {
                try await delivery.remove(from: stores.database)
                continue
            }
            if let fault = await send(Array(delivery.body.utf8), id: delivery.id, to: webhook) {
                try await retry(delivery, fault)
            } else {
                try await delivery.remove(from: stores.database)
            }
        }
    }

    private func retry(_ delivery: AlertDelivery, _ fault: String) async throws {
        let isLast = delivery.attempts + 1 >= AlertDelivery.maxAttempts
        logger.warning(
            isLast ? "alert given up: the webhook does not take it" : "the webhook did not take an alert; it will be tried again",
            metadata: ["delivery": "\(delivery.id)", "attempts": "\(delivery.attempts + 1)", "fault": "\(fault)"])
        if isLast { try await delivery.remove(from: stores.database) } else { try await delivery.postpone(at: stores.clock.now, in: stores.database) }
    }

    /// Nil if the webhook has taken it; otherwise why not.
    func send(_ body: [UInt8], id: String, to webhook: AlertWebhook) async -> String? {
        let fault: String?
        do {
            let request = try webhook.request(
                body, id: id, at: stores.clock.now, over: settings.connection(to: webhook.url))
            let status = try await client.send(request).status
            fault = (200..<300).contains(status) ? nil : "it answered with status \(status)"
        } catch {
            fault = "\(error)"
        }
        deliveries.add(fault == nil ? "taken" : "failed")
        return fault
    }
}
