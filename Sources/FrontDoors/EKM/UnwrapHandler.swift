import KeyCore
import Primitives

/// `{key}:unwrap`: wrapped blob in, plaintext out (google.cloud.ekms.v0.UnwrapRequest). `allowedCacheDuration` is never sent.
struct UnwrapHandler: Sendable {
    let keys: KeyService

    /// Decodes, asks the policy, unwraps. `noted` becomes what is known for the audit should a later step fail.
    func respond(to call: EKMCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let request = try EKMRequest(call.http.body, payload: .wrappedBlob)
        noted = call.record(request)
        try call.check(request)
        let grant = try call.endpoint.policy.authorize(call.accessRequest(request.context))
        noted.obligations = grant.obligations.names
        let blob = try decode(request.payload)
        let plaintext = try await keys.unwrap(
            blob, aad: request.aad, label: .ekm, under: grant, recording: noted, since: call.http.receivedNanoseconds)
        return EKMAnswer.secret("plaintext", plaintext)
    }

    private func decode(_ text: ArraySlice<UInt8>?) throws -> WrappedBlob {
        guard let text, !text.isEmpty else { throw EKMDecodingFailure(field: "UnwrapRequest.wrapped_blob", problem: "expected at least one byte") }
        let bytes: [UInt8]
        do { bytes = try Base64.decodeLenient(text) } catch {
            throw EKMDecodingFailure(field: "UnwrapRequest.wrapped_blob", problem: "expected base64")
        }
        guard let blob = WrappedBlob(bytes) else { throw KeyServiceError.undecryptable }
        return blob
    }
}
