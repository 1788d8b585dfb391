import KeyCore
import Primitives
import Synchronization

/// `status`: tells the Admin console and everybody else who we are, and whether keys can be used. The look at the key source is
/// repeated every few seconds at most, however often somebody asks.
final class KACLSStatusHandler: Sendable {
    private static let freshness: UInt64 = 5_000_000_000

    private let version: String
    private let keys: KeyService
    private let audit: any AuditSink
    private let seen = Mutex<[KeyID: (at: UInt64, failure: KeyServiceError?)]>([:])

    init(version: String, keys: KeyService, audit: any AuditSink) { (self.version, self.keys, self.audit) = (version, keys, audit) }

    func respond(_ endpoint: Endpoint, _ kacls: KACLSEndpoint) async throws -> HTTPResponse {
        if let failure = await failure(endpoint.keyID) { throw failure == .suspended ? KeyServiceError.unusable("suspended") : failure }
        guard case .green = audit.health else { throw KeyServiceError.auditUnavailable }
        let operations = KACLSMethod.allCases.filter { $0.isPublic || kacls.offers($0) }
        return KACLSAnswer.object { writer in
            writer.member("server_type", "KACLS")
            writer.member("vendor_id", "Holdfast")
            writer.member("version", version)
            writer.member("name", endpoint.name)
            if let url = kacls.url { writer.member("kacls_url", url.description) }
            writer.name("operations_supported")
            writer.array { writer in for operation in operations { writer.value(operation.rawValue) } }
        }
    }

    private func failure(_ key: KeyID) async -> KeyServiceError? {
        let now = MonotonicClock.nanoseconds
        if let known = seen.withLock({ $0[key] }), now - known.at < KACLSStatusHandler.freshness { return known.failure }
        var failure: KeyServiceError?
        do { try await keys.probe(key) } catch { failure = error }
        seen.withLock { $0[key] = (now, failure) }
        return failure
    }
}
