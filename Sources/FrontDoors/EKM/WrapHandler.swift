import KeyCore
import Primitives

/// `{key}:wrap`: plaintext in, wrapped blob out. Google has encrypted the plaintext itself before (google.cloud.ekms.v0.WrapRequest).
struct WrapHandler: Sendable {
    let keys: KeyService

    /// Decodes, asks the policy, wraps. `noted` becomes what is known for the audit should a later step fail.
    func respond(to call: EKMCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let request = try EKMRequest(call.http.body, payload: .plaintext)
        noted = call.record(request)
        try call.check(request)
        let grant = try call.endpoint.policy.authorize(call.accessRequest(request.context))
        noted.obligations = grant.obligations.names
        let plaintext = try decode(request.payload)
        let blob = try await keys.wrap(
            plaintext, aad: request.aad, label: .ekm, under: grant, recording: noted, since: call.http.receivedNanoseconds)
        return EKMAnswer.bytes("wrappedBlob", blob)
    }

    /// An empty plaintext is refused: proto3 JSON can't tell it from a missing one, and Cloud KMS never sends one.
    private func decode(_ text: ArraySlice<UInt8>?) throws(EKMDecodingFailure) -> SecretBytes {
        guard let text, !text.isEmpty else { throw EKMDecodingFailure(field: "WrapRequest.plaintext", problem: "expected at least one byte") }
        do {
            return try Base64.decodeSecretLenient(text)
        } catch {
            throw EKMDecodingFailure(field: "WrapRequest.plaintext", problem: "expected base64")
        }
    }
}
