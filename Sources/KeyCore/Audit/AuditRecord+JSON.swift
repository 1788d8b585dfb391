import Primitives

extension AuditRecord {
    /// The record as one JSON object without line breaks, its members in the order of the fields.
    func json() -> [UInt8] {
        var object = MemberWriter()
        object.time("time", time)
        object.text("event", event.description, limit: 128)
        object.text("outcome", outcome.rawValue, limit: 16)
        object.text("request", requestID, limit: 64)
        object.text("caller_request", callerRequestID, limit: 128)
        object.id("endpoint", endpointID)
        object.text("endpoint_name", endpointName, limit: 128)
        object.id("key", keyID)
        object.integer("key_version", keyVersion)
        object.text("principal", principal, limit: 320)
        object.text("project", project, limit: 128)
        object.text("resource", resource, limit: 512)
        object.text("device", device, limit: 320)
        object.text("message", message, limit: 256)
        object.text("peer", peer, limit: 512)
        object.text("justification", justification, limit: 64)
        object.text("reason", reason, limit: 256)
        object.texts("proofs", proofs.prefix(4), limit: 80)
        if isHealthCheck { object.literal("health_check", "true") }
        object.text("cause", cause, limit: 128)
        object.integer("status", status)
        object.text("remote", remoteAddress, limit: 64)
        object.integer("latency_us", latencyMicroseconds)
        object.texts("obligations", obligations.prefix(8), limit: 64)
        object.integer("suppressed", suppressed)
        object.text("actor", actor, limit: 320)
        object.text("target", target, limit: 256)
        return object.end()
    }
}

/// Writes an object's members, skipping those that are nil. `JSONWriter` for the hot path: plain text is copied as a whole, so that a
/// record costs about a microsecond.
private struct MemberWriter {
    private var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(640) }

    mutating func end() -> [UInt8] {
        bytes.append(0x7D)
        return bytes
    }

    mutating func literal(_ name: String, _ value: String) {
        begin(name)
        bytes.append(contentsOf: value.utf8)
    }

    mutating func integer(_ name: String, _ value: (some FixedWidthInteger)?) {
        if let value { literal(name, String(value)) }
    }

    mutating func time(_ name: String, _ value: Instant) {
        begin(name)
        bytes.append(0x22)
        RFC3339.append(value, to: &bytes)
        bytes.append(0x22)
    }

    mutating func id(_ name: String, _ value: (some UniqueID)?) {
        guard let value else { return }
        begin(name)
        bytes.append(0x22)
        for (index, byte) in value.bytes.array.enumerated() {
            if index == 4 || index == 6 || index == 8 || index == 10 { bytes.append(0x2D) }
            bytes.append(AuditChain.digit(byte >> 4))
            bytes.append(AuditChain.digit(byte & 15))
        }
        bytes.append(0x22)
    }

    mutating func text(_ name: String, _ value: String?, limit: Int) {
        guard let value else { return }
        begin(name)
        append(value, limit: limit)
    }

    mutating func texts(_ name: String, _ values: ArraySlice<String>, limit: Int) {
        guard !values.isEmpty else { return }
        begin(name)
        var separator: UInt8 = 0x5B
        for value in values {
            bytes.append(separator)
            append(value, limit: limit)
            separator = 0x2C
        }
        bytes.append(0x5D)
    }

    private mutating func begin(_ name: String) {
        bytes.append(bytes.isEmpty ? 0x7B : 0x2C)
        bytes.append(0x22)
        bytes.append(contentsOf: name.utf8)
        bytes.append(0x22)
        bytes.append(0x3A)
    }

    private mutating func append(_ text: String, limit: Int) {
        guard AuditText.isPlain(text, limit: limit) else {
            return JSONEscapes.append(AuditText.clean(text, limit: limit), to: &bytes)
        }
        bytes.append(0x22)
        bytes.append(contentsOf: text.utf8)
        bytes.append(0x22)
    }
}
