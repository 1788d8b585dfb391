import Primitives
import Testing

@testable import KeyCore

@Suite("Audit record") struct AuditRecordTests {
    @Test("is one JSON object with its members in a fixed order")
    func order() throws {
        var record = AuditRecord(.testUnwrap, .refused, at: Instant(seconds: 1_700_000_000))
        record.requestID = "req-1"
        record.endpointID = EndpointID("0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77")
        record.endpointName = "ekm"
        record.keyID = KeyID("1b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77")
        record.keyVersion = 3
        record.principal = "a@example.com"
        record.project = "p"
        record.resource = "doc-1"
        record.device = "room"
        record.message = "mail-1"
        record.peer = "https://old"
        record.justification = "CUSTOMER_INITIATED_ACCESS"
        record.isHealthCheck = true
        record.cause = "rule:7"
        record.status = 403
        record.remoteAddress = "192.0.2.1"
        record.latencyMicroseconds = 42
        record.obligations = ["notify"]
        record.suppressed = 2
        record.actor = "admin"
        record.target = "key"
        #expect(
            String(decoding: record.json(), as: UTF8.self) == """
                {"time":"2023-11-14T22:13:20.000000Z","event":"test.unwrap","outcome":"refused","request":"req-1",\
                "endpoint":"0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77","endpoint_name":"ekm",\
                "key":"1b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77","key_version":3,"principal":"a@example.com","project":"p",\
                "resource":"doc-1","device":"room","message":"mail-1","peer":"https://old","justification":"CUSTOMER_INITIATED_ACCESS","health_check":true,"cause":"rule:7",\
                "status":403,"remote":"192.0.2.1","latency_us":42,"obligations":["notify"],"suppressed":2,"actor":"admin",\
                "target":"key"}
                """)
    }

    @Test("has no field that could hold bytes, a body or anything of any type")
    func noRawFields() {
        let allowed: [Any.Type] = [
            Instant.self, AuditEvent.self, AuditRecord.Outcome.self, String?.self, EndpointID?.self, KeyID?.self, UInt32?.self,
            Bool.self, Int?.self, Int64?.self, [String].self,
        ]
        for field in Mirror(reflecting: AuditRecord.test()).children {
            #expect(allowed.contains { $0 == type(of: field.value) }, "\(field.label ?? "") is \(type(of: field.value))")
            let name = field.label?.lowercased() ?? ""
            #expect(!["token", "secret", "bytes", "body", "password"].contains { name.contains($0) }, "\(name)")
        }
    }

    @Test("stays one line of JSON, and short, whatever a caller sends", arguments: [
        "a\nb\r\n{\"seq\":1}", "\"},\"chain\":\"", "\\", "\\u000a", "\u{0}\u{1B}[2J\u{7F}", "\u{2028}\u{2029}\u{85}",
        "\u{202E}evil\u{2066}", "\u{FEFF}\u{200B}", String(repeating: "x", count: 1 << 20), String(repeating: "\n", count: 1 << 20),
        String(repeating: "é", count: 1000), String(repeating: "👩‍👩‍👧", count: 1000),
        "e" + String(repeating: "\u{301}", count: 5000),
        String(decoding: [0xFF, 0xFE, 0xC0, 0x80, 0xED, 0xA0, 0x80] as [UInt8], as: UTF8.self), "",
    ])
    func hostile(text: String) throws {
        var record = AuditRecord.test(text)
        record.endpointName = text
        record.principal = text
        record.project = text
        record.resource = text
        (record.device, record.message, record.peer) = (text, text, text)
        record.justification = text
        record.cause = text
        record.remoteAddress = text
        record.obligations = [String](repeating: text, count: 100)
        record.actor = text
        record.target = text
        let json = record.json()
        #expect(!json.contains { $0 < 0x20 || $0 == 0x7F })
        #expect(json.count < 8192)
        let fields = try JSONValue(parsing: json)
        let limits = [
            ("request", 64), ("endpoint_name", 128), ("principal", 320), ("project", 128), ("resource", 512), ("device", 320), ("message", 256),
            ("peer", 512), ("justification", 64),
            ("cause", 128), ("remote", 64), ("actor", 320), ("target", 256),
        ]
        for (name, limit) in limits {
            let value = try #require(fields[name]?.string)
            #expect(value.utf8.count <= limit, "\(name)")
            #expect(text.utf8.count <= limit || value.hasSuffix("…"), "\(name)")
        }
        #expect(fields["obligations"]?.array?.count == 8)
        for scalar in fields["resource"]!.string!.unicodeScalars {
            #expect(![.control, .format, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory))
        }
    }

    @Test("keeps ordinary text as it is, letters of all languages included",
        arguments: ["", "a b~", "Zürich", "東京", "naïve – “ok”"])
    func ordinary(text: String) {
        #expect(AuditText.clean(text, limit: 64) == text)
    }

    @Test("cuts a text at its limit and not before")
    func limit() {
        #expect(AuditText.clean("12345678", limit: 8) == "12345678")
        #expect(AuditText.clean("123456789", limit: 8) == "12345…")
        #expect(AuditText.clean("ééééé", limit: 8) == "éé…")
        #expect(AuditText.clean("a\nb", limit: 8) == "a\u{FFFD}b")
    }
}

@Suite("Refusal limiter") struct RefusalLimiterTests {
    @Test("lets a burst pass, then its rate, and says with the next record what it held back")
    func limits() {
        let limiter = RefusalLimiter(perSecond: 10, burst: 3, now: 0)
        for _ in 0..<3 { #expect(limiter.admit(now: 0) == .record(suppressed: 0)) }
        for _ in 0..<5 { #expect(limiter.admit(now: 99_999_999) == .suppress) }
        #expect(limiter.admit(now: 100_000_000) == .record(suppressed: 5))
        #expect(limiter.admit(now: 100_000_001) == .suppress)
        #expect(limiter.drain() == 1)
        #expect(limiter.admit(now: 3_600_000_000_000) == .record(suppressed: 0))
        #expect(limiter.admit(now: 3_600_000_000_000) == .record(suppressed: 0))
        #expect(limiter.admit(now: 3_600_000_000_000) == .record(suppressed: 0))
        #expect(limiter.admit(now: 3_600_000_000_000) == .suppress)
    }

    @Test("is not confused by a time before its last")
    func past() {
        let limiter = RefusalLimiter(perSecond: 1, burst: 1, now: 1_000)
        #expect(limiter.admit(now: 0) == .record(suppressed: 0))
        #expect(limiter.admit(now: 0) == .suppress)
    }
}
