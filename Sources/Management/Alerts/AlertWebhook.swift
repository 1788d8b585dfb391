import KeyCore
import Primitives

/// Where alerts are sent: an address that an administrator has given, and the secret that signs what is sent there.
struct AlertWebhook: Sendable {
    let url: String
    let secret: SharedSecret

    /// - Throws: `.invalidField` unless the URL is https, or http to this machine; without credentials.
    static func check(_ url: String) throws(Problem) {
        guard let target = HTTPClientTarget(url), target.scheme == "https" || (target.scheme == "http" && target.isLoopback) else {
            throw .invalid("/webhook/url", expected: "an https:// URL without credentials (http:// only to this machine)")
        }
    }

    /// `Holdfast-Signature: t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "t.body">`.
    func signature(of body: [UInt8], at time: Instant) throws(OpenSSLError) -> String {
        let tag = try HMAC.authenticate(Array("\(time.seconds).".utf8) + body, key: secret.bytes, with: .sha256)
        return "t=\(time.seconds),v1=\(Hex.string(tag))"
    }

    /// The signed request, over the present route; no redirect is followed, and little of an answer is read.
    func request(_ body: [UInt8], id: String, at time: Instant, over route: HTTPClientConnection) throws(OpenSSLError) -> HTTPClientRequest {
        var request = HTTPClientRequest(method: "POST", url: url, body: body, connection: route)
        request.headers = [
            HTTPClientHeader("Content-Type", "application/json"), HTTPClientHeader("User-Agent", "Holdfast"),
            HTTPClientHeader("Holdfast-Delivery", id), HTTPClientHeader("Holdfast-Signature", try signature(of: body, at: time)),
        ]
        if HTTPClientTarget(url)?.scheme == "http" {
            request.connection.allowsPlainHTTP = true
            request.connection.proxy = nil
            request.connection.addressRule = .loopbackOnly
        }
        (request.connectTimeout, request.totalTimeout, request.maxResponseBytes) = (.seconds(5), .seconds(10), 64 << 10)
        return request
    }
}

/// Something to tell a webhook, with the same id on each attempt.
struct AlertDelivery: Sendable {
    static let maxAttempts = 12
    let id: String
    let webhook: String
    let body: String
    let attempts: Int
    private let createdAt: Instant

    /// An alert in its present state.
    init(_ alert: Alert, webhook: String, at now: Instant) throws {
        id = try UUIDBytes.random().description
        self.webhook = webhook
        (attempts, createdAt) = (0, now)
        let document: JSONValue = [
            "id": .string(id), "type": .string("alert.\(alert.state.rawValue)"), "created_at": .optional(now),
            "alert": AlertSchemas.document(alert),
        ]
        body = String(decoding: document.json, as: UTF8.self)
    }

    private init(_ row: SQLRow) throws(SQLError) {
        (id, webhook, body) = (try row.text("id"), try row.text("webhook"), try row.text("body"))
        attempts = Int(try row.integer("attempts"))
        createdAt = Instant(nanoseconds: try row.integer("created_at"))
    }

    /// What is due, oldest first.
    static func due(at now: Instant, in database: any SQLDatabase) async throws -> [AlertDelivery] {
        try await database.query(
            "SELECT id, webhook, body, attempts, created_at FROM alert_deliveries WHERE due_at <= $1 ORDER BY created_at, id LIMIT 20",
            [.integer(now.nanoseconds)]
        ).map { row throws(SQLError) in try AlertDelivery(row) }
    }

    func insert(in connection: borrowing SQLConnection) throws(SQLError) {
        try connection.execute(
            "INSERT INTO alert_deliveries (id, webhook, body, attempts, due_at, created_at) VALUES ($1, $2, $3, 0, 0, $4)",
            [.text(id), .text(webhook), .text(body), .integer(createdAt.nanoseconds)])
    }

    /// It was taken, or is given up.
    func remove(from database: any SQLDatabase) async throws {
        try await database.execute("DELETE FROM alert_deliveries WHERE id = $1", [.text(id)])
    }

    /// It was not taken: 10 s, 20 s, 40 s … and at most an hour until the next attempt.
    func postpone(at now: Instant, in database: any SQLDatabase) async throws {
        let pause = Duration.seconds(min(3600, 10 << min(attempts, 9)))
        try await database.execute(
            "UPDATE alert_deliveries SET attempts = attempts + 1, due_at = $2 WHERE id = $1",
            [.text(id), .integer((now + pause).nanoseconds)])
    }
}
