import KeyCore
import Primitives

/// Short ways to policies, requests and outcomes.
enum PolicyFixture {
    static let client = "service-123456789012@gcp-sa-ekms.iam.gserviceaccount.com"
    static let key = KeyID("0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77")!
    static let noon = RFC3339.parse("2026-01-01T12:00:00Z")!

    /// A policy of the rules that the YAML flow mappings name.
    static func policy(_ rules: String...) throws -> AccessPolicy {
        try AccessPolicy(parsing: "version: 1\nname: p\nrules:\n" + rules.map { "  - {\($0)}\n" }.joined(), source: "p.yaml")
    }

    /// An allow rule for `client` to wrap and unwrap, with more fields.
    static func allow(_ name: String = "a", principals: String = "[\(client)]", justifications: String = "any", _ more: String = "") -> String {
        "name: \(name), effect: allow, operations: [wrap, unwrap], principals: \(principals), justifications: \(justifications)"
            + (more.isEmpty ? "" : ", " + more)
    }

    /// CipherTrust's basic policy.
    static func cckm(required: Bool = true, reasons: String = #"["CUSTOMER_INITIATED_ACCESS"]"#, more: String = "") throws -> AccessPolicy {
        try AccessPolicy(
            parsing: #"{"basic":{"clients":["\#(client)"],"justification_required":\#(required),"justification_reason":\#(reasons)\#(more)}}"#,
            source: "cckm.json")
    }

    static func request(
        _ operation: KeyCore.Operation = .unwrap, by principal: String = client,
        because justification: Justification = .customerInitiatedAccess, resource: String? = nil, perimeter: String? = nil,
        from address: String? = nil, at time: String? = nil, attestation: AttestationFacts? = nil
    ) -> AccessRequest {
        AccessRequest(
            operation, of: key, by: principal, because: justification, resource: resource, perimeter: perimeter,
            from: address.map { IPAddress($0)! }, at: time.map { RFC3339.parse($0)! } ?? noon, attestation: attestation)
    }
}

extension AccessPolicy {
    /// The cause of the refusal; nil if the request is granted.
    func cause(_ request: AccessRequest) -> Rejection.Cause? { rejection(request)?.cause }

    /// The refusal; nil if the request is granted.
    func rejection(_ request: AccessRequest) -> Rejection? {
        do {
            _ = try authorize(request)
            return nil
        } catch {
            return error
        }
    }

    /// The error that reading the document throws; nil if it is a policy.
    static func error(in text: String, source: String) -> DocumentError? {
        do {
            _ = try AccessPolicy(parsing: text, source: source)
            return nil
        } catch {
            return error
        }
    }

    /// The granting rule; nil if the request is refused.
    func rule(_ request: AccessRequest) -> String? { try? authorize(request).rule }
}
