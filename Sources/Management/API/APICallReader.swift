import Hummingbird
import KeyCore
import NIOCore
import Primitives

/// Checks a permitted request's parameters, header fields and body against its route.
struct APICallReader {
    let stores: Stores

    func read(
        _ request: APIRequest, _ route: Route, _ parameters: [String: String], _ caller: Caller, visible: Set<String>?
    ) async throws -> APICall {
        var faults: [FieldFault] = []
        for name in route.parameterNames {
            let schema = route.parameters[name] ?? .id
            faults += schema.textFaults(parameters[name] ?? "", at: "path:\(name)")
        }
        if let fault = faults.first { throw Problem(.notFound, "there is nothing at this path: \(fault.field) is no \(fault.expected)", faults: faults) }
        var query = try QueryReader.read(request.target)
        for name in query.keys.sorted() {
            guard let parameter = route.allQuery.first(where: { $0.name == name }) else {
                let known = route.allQuery.map(\.name)
                faults.append(FieldFault(
                    "query:\(AuditText.clean(name, limit: 64))",
                    expected: known.isEmpty ? "no parameter" : "one of the parameters \(known.joined(separator: ", "))"))
                continue
            }
            faults += parameter.schema.textFaults(query[name] ?? "", at: "query:\(name)")
        }
        let (body, bodyFaults) = try await document(request, route)
        faults += bodyFaults
        guard faults.isEmpty else {
            let first = faults[0]
            throw Problem(.invalidField, "\(first.field): expected \(first.expected)\(first.found.map { ", found \($0)" } ?? "")", faults: faults)
        }
        let isDryRun = route.allowsDryRun && query.removeValue(forKey: "dry_run") == "true"
        return APICall(
            requestID: request.requestID, caller: caller, parameters: parameters, query: query, body: body, upload: request.body,
            headers: request.headers, expectedRevision: try APICallReader.revision(request, route), isDryRun: isDryRun, visible: visible,
            remoteAddress: request.remoteAddress, tls: request.tls, stores: isDryRun ? stores.rehearsing : stores)
    }

    // MARK: Parts

    private func document(_ request: APIRequest, _ route: Route) async throws -> (JSONValue, [FieldFault]) {
        switch route.body {
        case .none:
            let bytes = try await APICallReader.collect(request.body, upTo: 1 << 16)
            guard bytes.isEmpty else { return (.null, [FieldFault("/", expected: "no body")]) }
            return (.null, [])
        case .bytes(let type, _):
            try APICallReader.check(request, type: type)
            return (.null, [])
        case .json(let schema, let maxBytes):
            let bytes = try await APICallReader.collect(request.body, upTo: maxBytes)
            if bytes.isEmpty {  // stands for an object without members
                let empty = JSONValue.object([])
                let faults = schema.faults(in: empty)
                return (empty, faults.isEmpty ? [] : [FieldFault("/", expected: "a JSON body")] + faults)
            }
            try APICallReader.check(request, type: "application/json")
            let document: JSONValue
            do { document = try JSONValue(parsing: bytes) } catch {
                throw Problem(.malformedRequest, "the body is no JSON document: \(APICallReader.words(error))")
            }
            return (document, schema.faults(in: document))
        }
    }

    private static func collect(_ body: RequestBody, upTo limit: Int) async throws -> [UInt8] {
        do {
            return Array((try await body.collect(upTo: limit)).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw Problem(.bodyTooLarge, "the body is larger than \(limit) bytes")
        }
    }

    private static func check(_ request: APIRequest, type: String) throws(Problem) {
        let given = request.headers["content-type"]?.prefix { $0 != ";" && $0 != " " }.lowercased()
        guard given == type else {
            throw Problem(.unsupportedMediaType, "the body must be \(type)", remedy: "send the header Content-Type: \(type)")
        }
    }

    /// `If-Match: "7"` (RFC 9110, 13.1.1); `*` and none say that any revision will do.
    private static func revision(_ request: APIRequest, _ route: Route) throws(Problem) -> Int64? {
        guard route.allowsIfMatch, let text = request.headers["if-match"], text != "*" else { return nil }
        guard text.utf8.count >= 3, text.hasPrefix("\""), text.hasSuffix("\""), let revision = Int64(text.dropFirst().dropLast()) else {
            throw .invalid("header:if-match", expected: "one ETag such as \"7\", or *")
        }
        return revision
    }

    private static func words(_ failure: JSONValue.Failure) -> String {
        switch failure {
        case .malformed: "malformed, or nested deeper than 16"
        case .duplicate(let name): "the member “\(AuditText.clean(name, limit: 64))” occurs twice"
        case .text: "a text is not valid UTF-8"
        case .number: "a number is out of range"
        }
    }
}

extension Route {
    /// Its own parameters and those that its abilities bring.
    package var allQuery: [QueryParameter] {
        guard allowsDryRun else { return query }
        return query + [QueryParameter("dry_run", .boolean, "Check everything and say what would come of it, but change nothing")]
    }
}

extension Schema {
    /// The faults of a value that is written as text: a parameter of path or query.
    func textFaults(_ text: String, at place: String) -> [FieldFault] {
        let value: JSONValue =
            switch self {
            case .integer: text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2D } ? Int64(text).map(JSONValue.integer) ?? .string(text) : .string(text)
            case .boolean: text == "true" ? true : text == "false" ? false : .string(text)
            default: .string(text)
            }
        return faults(in: value, at: place)
    }
}

/// A query taken apart strictly: percent-encoded UTF-8, `+` for a space, no name twice.
enum QueryReader {
    static func read(_ target: String) throws(Problem) -> [String: String] {
        guard let mark = target.utf8.firstIndex(of: 0x3F) else { return [:] }
        var values: [String: String] = [:]
        for pair in target.utf8[target.utf8.index(after: mark)...].split(separator: 0x26) {
            let split = pair.firstIndex(of: 0x3D)
            guard let name = decode(pair[..<(split ?? pair.endIndex)]),
                let value = split.map({ decode(pair[pair.index(after: $0)...]) }) ?? ""
            else { throw Problem(.malformedRequest, "the query is not percent-encoded UTF-8") }
            guard values.updateValue(value, forKey: name) == nil else {
                throw .invalid("query:\(AuditText.clean(name, limit: 64))", expected: "the parameter once")
            }
        }
        return values
    }

    private static func decode(_ text: Substring.UTF8View) -> String? {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            switch byte {
            case 0x2B: bytes.append(0x20)
            case 0x25:
                guard let high = rest.popFirst(), let low = rest.popFirst(),
                    let decoded = Hex.decode(String(decoding: [high, low], as: UTF8.self))
                else { return nil }
                bytes += decoded
            default: bytes.append(byte)
            }
        }
        guard !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
