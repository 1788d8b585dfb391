import KeyCore
import Primitives

/// Alerts and their settings on the wire.
enum AlertSchemas {
    static let alert = Schema.object(name: "Alert", [
        .required("id", .id), .required("kind", .oneOf(AlertKind.self)), .required("severity", .oneOf(AlertSeverity.self)),
        .required("subject", .text(0...512), "What it is about, as key:<id>"), .required("detail", .text(0...4096)),
        .required("state", .oneOf(Alert.State.self)), .required("since", .time), .required("resolved_at", .nullable(.time)),
        .required("acknowledged_at", .nullable(.time)), .required("acknowledged_by", .nullable(.text(1...512))),
        .required("revision", .integer(1...(1 << 53))),
    ])

    static let draft = Schema.object(name: "AlertSettingsDraft", [
        .optional("thresholds", .object(name: "AlertThresholdsDraft", AlertSettings.Threshold.allCases.map {
            .optional($0.rawValue, .integer(0...1_000_000), "\($0.about); 0 for no such alert, \($0.initial) if left out")
        })),
        .optional("webhook", .nullable(.object(name: "AlertWebhookDraft", [
            .required("url", .text(1...2048), "https://, or http:// to this machine"),
            .optional("secret", .secret(16...256), "Signs what is sent; kept if left out and the URL is the same"),
            .optional("enabled", .boolean),
        ])), "Told of each alert that fires, gets worse or is resolved; null or left out for none"),
    ])

    static let settings = Schema.object(name: "AlertSettings", [
        .required("thresholds", .object(name: "AlertThresholds", AlertSettings.Threshold.allCases.map {
            .required($0.rawValue, .integer(0...1_000_000), $0.about)
        })),
        .required("webhook", .nullable(.object(name: "AlertWebhook", [
            .required("url", .text(1...2048)), .required("enabled", .boolean),
        ]))),
        .required("revision", .integer(1...(1 << 53))), .required("changed_at", .nullable(.time)),
    ])

    static let test = Schema.object(name: "AlertWebhookTest", [
        .required("delivered", .boolean), .required("delivery", .id, "The header Holdfast-Delivery of what was sent"),
        .required("fault", .nullable(.text(0...1024)), "Why it was not taken"),
    ])

    static func document(_ alert: Alert) -> JSONValue {
        [
            "id": .string(alert.id), "kind": .string(alert.condition.kind.rawValue), "severity": .string(alert.condition.severity.rawValue),
            "subject": .string(alert.condition.subject), "detail": .string(alert.condition.detail), "state": .string(alert.state.rawValue),
            "since": .optional(alert.since), "resolved_at": .optional(alert.resolvedAt), "acknowledged_at": .optional(alert.acknowledgedAt),
            "acknowledged_by": .optional(alert.acknowledgedBy), "revision": .integer(alert.revision),
        ]
    }

    static func document(_ settings: AlertSettings) -> JSONValue {
        let thresholds = AlertSettings.Threshold.allCases.map { (name: $0.rawValue, value: JSONValue.integer(settings[$0])) }
        let webhook = settings.webhookURL.map { ["url": .string($0), "enabled": .bool(settings.isWebhookEnabled)] as JSONValue }
        return [
            "thresholds": .object(thresholds), "webhook": webhook ?? .null, "revision": .integer(settings.revision),
            "changed_at": .optional(settings.changedAt),
        ]
    }
}
