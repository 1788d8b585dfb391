import Primitives

/// A token taken apart (RFC 7515, 7.1), with nothing believed yet.
struct CompactJWS: Sendable {
    /// The header's parameters that we use; `jwk`, `jku`, `x5u` and `x5c` are never looked at.
    struct Header: Sendable, Equatable {
        let algorithm: SignatureAlgorithm
        let keyID: String?
    }

    /// The largest token that is looked at.
    static let maxBytes = 16 << 10

    let header: Header
    /// The claims, as the issuer wrote them.
    let payload: JSONValue
    /// `header.payload`: what the signature covers.
    let signedBytes: [UInt8]
    let signature: [UInt8]

    /// Takes `text` apart.
    /// - Throws: `.malformed` or `.header`, naming the rule.
    init(_ text: [UInt8]) throws(TokenRejection) {
        guard text.count <= CompactJWS.maxBytes else { throw .malformed("larger than \(CompactJWS.maxBytes) bytes") }
        let segments = text.split(separator: 0x2E, maxSplits: 3, omittingEmptySubsequences: false)
        guard segments.count == 3 else { throw .malformed("expected three segments") }
        guard !segments.contains(where: \.isEmpty) else { throw .malformed("empty segment") }
        header = try CompactJWS.header(try CompactJWS.json(segments[0], "header"))
        payload = try CompactJWS.json(segments[1], "payload")
        guard case .object = payload else { throw .malformed("payload is no JSON object") }
        signedBytes = Array(text[..<segments[1].endIndex])
        signature = try CompactJWS.bytes(segments[2], "signature")
    }

    private static func header(_ json: JSONValue) throws(TokenRejection) -> Header {
        guard case .object = json else { throw .malformed("header is no JSON object") }
        guard json["crit"] == nil else { throw .header("critical extensions are not supported") }
        guard let name = json["alg"]?.string, let algorithm = SignatureAlgorithm(rawValue: name) else {
            throw .header("algorithm is missing or not accepted")
        }
        guard let keyID = json["kid"] else { return Header(algorithm: algorithm, keyID: nil) }
        guard let text = keyID.string, !text.isEmpty, text.utf8.count <= 512 else { throw .header("kid is no text of 1 to 512 bytes") }
        return Header(algorithm: algorithm, keyID: text)
    }

    private static func json(_ segment: ArraySlice<UInt8>, _ what: String) throws(TokenRejection) -> JSONValue {
        let bytes = try bytes(segment, what)
        do {
            return try JSONValue(parsing: bytes, maxDepth: 8)
        } catch {
            switch error {
            case .duplicate: throw .malformed("\(what) has a member twice")
            case .malformed(.tooDeep): throw .malformed("\(what) is nested too deep")
            default: throw .malformed("\(what) is no strict JSON")
            }
        }
    }

    private static func bytes(_ segment: ArraySlice<UInt8>, _ what: String) throws(TokenRejection) -> [UInt8] {
        do {
            return try Base64.decodeURLCanonical(segment)
        } catch {
            throw .malformed("\(what) is no canonical unpadded base64url")
        }
    }
}
