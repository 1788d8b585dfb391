import KeyCore
import Primitives

/// A body that is not the expected message; `field` is its way in proto spelling, as Google's errors name fields.
struct EKMDecodingFailure: Error, Equatable {
    let field: String
    let problem: String
}

/// WrapRequest and UnwrapRequest, which differ in the name of their payload only.
///
/// proto3 JSON: `bytes` in either base64 alphabet, enums by name or number, `null` is absent, unknown fields are ignored. Field
/// names are taken in lowerCamelCase, snake_case and any case, because test tools send all of them; a field that comes twice under
/// two spellings is refused.
struct EKMRequest: Sendable {
    /// The payload's place in the body: base64 text.
    fileprivate(set) var payload: ArraySlice<UInt8>?
    fileprivate(set) var aad: [UInt8] = []
    fileprivate(set) var keyPath: String?
    fileprivate(set) var keyURIPrefix: String?
    fileprivate(set) var context = EKMRequestContext()

    /// Reads a body.
    init(_ body: [UInt8], payload name: EKMPayload) throws(EKMDecodingFailure) {
        var reader = EKMBodyReader(scanner: JSONScanner(body, maxDepth: 16), message: name.message)
        self = try reader.request(name)
    }

    fileprivate init() {}
}

/// RequestContext with its AccessReasonContext.
struct EKMRequestContext: Sendable, Equatable {
    fileprivate(set) var fullResourceName: String?
    fileprivate(set) var relativeResourceName: String?
    fileprivate(set) var justification = Justification.missing
    fileprivate(set) var isKeyHealthCheck = false

    /// The Google project in the resource name, as `acme-prod`.
    var project: String? {
        guard let name = relativeResourceName?.utf8, name.starts(with: "projects/".utf8) else { return nil }
        return String(name.dropFirst("projects/".utf8.count).prefix { $0 != 0x2F })
    }
}

/// The field that carries the key, by method.
enum EKMPayload {
    case plaintext, wrappedBlob

    /// The message's name in Google's package.
    var message: String { self == .plaintext ? "WrapRequest" : "UnwrapRequest" }
    /// The field's name in proto spelling.
    var field: String { self == .plaintext ? "plaintext" : "wrapped_blob" }

    fileprivate var folded: StaticString { self == .plaintext ? "plaintext" : "wrappedblob" }
}

private struct EKMBodyReader {
    var scanner: JSONScanner
    let message: String

    mutating func request(_ payload: EKMPayload) throws(EKMDecodingFailure) -> EKMRequest {
        var request = EKMRequest()
        var seen = Seen(message: message)
        var topLevelReason: Justification?
        var hasContext = false
        try wellFormed { reader throws(JSONScanner.Failure) in try reader.scanner.beginObject() }
        while let name = try nextMember() {
            if try isNull() { continue }
            if isName(name, payload.folded) {
                try seen.note(1, payload.field)
                request.payload = try base64Text(payload.field)
            } else if isName(name, "additionalauthenticateddata") {
                try seen.note(2, "additional_authenticated_data")
                request.aad = try bytes("additional_authenticated_data")
            } else if isName(name, "additionalcontext") {
                try seen.note(4, "additional_context")
                request.context = try context()
                hasContext = true
            } else if isName(name, "accessreasoncontext") {
                try seen.note(8, "access_reason_context")
                topLevelReason = try reason("access_reason_context")
            } else if isName(name, "keypath") {
                try seen.note(16, "key_path")
                request.keyPath = try string("key_path", limit: 2048)
            } else if isName(name, "keyuriprefix") {
                try seen.note(32, "key_uri_prefix")
                request.keyURIPrefix = try string("key_uri_prefix", limit: 2048)
            } else {
                try skip()
            }
        }
        try wellFormed { reader throws(JSONScanner.Failure) in try reader.scanner.endDocument() }
        if !hasContext, let topLevelReason { request.context.justification = topLevelReason }
        return request
    }

    private mutating func context() throws(EKMDecodingFailure) -> EKMRequestContext {
        var context = EKMRequestContext()
        var seen = Seen(message: message + ".additional_context")
        try beginObject("additional_context")
        while let name = try nextMember() {
            if try isNull() { continue }
            if isName(name, "relativeresourcename") {
                try seen.note(1, "relative_resource_name")
                context.relativeResourceName = try string("additional_context.relative_resource_name", limit: 2048)
            } else if isName(name, "fullresourcename") {
                try seen.note(2, "full_resource_name")
                context.fullResourceName = try string("additional_context.full_resource_name", limit: 2048)
            } else if isName(name, "accessreasoncontext") {
                try seen.note(4, "access_reason_context")
                context.justification = try reason("additional_context.access_reason_context")
            } else if isName(name, "iskeyhealthcheck") {
                try seen.note(8, "is_key_health_check")
                context.isKeyHealthCheck = try bool("additional_context.is_key_health_check")
            } else {
                try skip()
            }
        }
        return context
    }

    /// The reason of an AccessReasonContext; an absent one is REASON_UNSPECIFIED, proto3's default.
    private mutating func reason(_ field: String) throws(EKMDecodingFailure) -> Justification {
        var justification = Justification.reasonUnspecified
        var seen = Seen(message: message + "." + field)
        try beginObject(field)
        while let name = try nextMember() {
            if try isNull() { continue }
            guard isName(name, "reason") else {
                try skip()
                continue
            }
            try seen.note(1, "reason")
            justification = try enumeration(field + ".reason")
        }
        return justification
    }

    private mutating func enumeration(_ field: String) throws(EKMDecodingFailure) -> Justification {
        let kind = try wellFormed { reader throws(JSONScanner.Failure) in try reader.scanner.peek() }
        if kind == .number {
            let digits = try wellFormed { reader throws(JSONScanner.Failure) in try reader.scanner.number() }
            guard let number = Int(String(decoding: digits, as: UTF8.self)) else { throw failure(field, "expected a whole number or a name") }
            return Justification(number: number)
        }
        return Justification(name: try string(field, limit: 4096))
    }

    // MARK: Values

    private mutating func base64Text(_ field: String) throws(EKMDecodingFailure) -> ArraySlice<UInt8> {
        guard let text = try? scanner.text() else { throw failure(field, "expected base64 text") }
        guard text.hasEscapes else { return scanner.raw(text) }
        guard let unescaped = scanner.string(text) else { throw failure(field, "expected base64 text") }
        return ArraySlice(unescaped.utf8)  // `\/` is a legal way to write a slash
    }

    private mutating func bytes(_ field: String) throws(EKMDecodingFailure) -> [UInt8] {
        let text = try base64Text(field)
        do { return try Base64.decodeLenient(text) } catch { throw failure(field, "expected base64") }
    }

    private mutating func string(_ field: String, limit: Int) throws(EKMDecodingFailure) -> String {
        guard let text = try? scanner.text(), let string = scanner.string(text) else { throw failure(field, "expected text") }
        guard string.utf8.count <= limit else { throw failure(field, "expected at most \(limit) bytes") }
        return string
    }

    private mutating func bool(_ field: String) throws(EKMDecodingFailure) -> Bool {
        do { return try scanner.bool() } catch { throw failure(field, "expected true or false") }
    }

    // MARK: Steps

    private mutating func nextMember() throws(EKMDecodingFailure) -> JSONScanner.Text? {
        let name = try wellFormed { reader throws(JSONScanner.Failure) in try reader.scanner.nextMember() }
        if let name, name.hasEscapes, scanner.string(name) == nil { throw malformed }
        return name
    }

    /// Whether a member has that name, given without underscores and in lower case. `\u0072eason` is a way to write `reason`.
    private func isName(_ name: JSONScanner.Text, _ folded: StaticString) -> Bool {
        guard name.hasEscapes else { return scanner.text(name, foldsTo: folded) }
        let bytes = scanner.string(name)?.utf8.filter { $0 != 0x5F }.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
        return bytes == Array(folded.description.utf8)
    }

    private mutating func isNull() throws(EKMDecodingFailure) -> Bool {
        try wellFormed { reader throws(JSONScanner.Failure) in try reader.scanner.skipNull() }
    }

    private mutating func skip() throws(EKMDecodingFailure) {
        try wellFormed { reader throws(JSONScanner.Failure) in try reader.scanner.skipValue() }
    }

    private mutating func beginObject(_ field: String) throws(EKMDecodingFailure) {
        do { try scanner.beginObject() } catch { throw failure(field, "expected an object") }
    }

    private mutating func wellFormed<R>(
        _ step: (inout EKMBodyReader) throws(JSONScanner.Failure) -> R
    ) throws(EKMDecodingFailure) -> R {
        do { return try step(&self) } catch { throw malformed }
    }

    private var malformed: EKMDecodingFailure { EKMDecodingFailure(field: message, problem: "expected a JSON object") }

    private func failure(_ field: String, _ problem: String) -> EKMDecodingFailure {
        EKMDecodingFailure(field: "\(message).\(field)", problem: problem)
    }

    /// Which fields have come.
    private struct Seen {
        let message: String
        var fields: UInt8 = 0

        mutating func note(_ bit: UInt8, _ field: String) throws(EKMDecodingFailure) {
            guard fields & bit == 0 else { throw EKMDecodingFailure(field: "\(message).\(field)", problem: "this field occurs twice") }
            fields |= bit
        }
    }
}
