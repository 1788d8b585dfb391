import KeyCore
import Synchronization

/// How many requests in a second each endpoint answers, where its options set a limit: a token bucket for each.
final class KACLSRates: Sendable {
    private let buckets = Mutex<[EndpointID: (limit: Int, bucket: RefusalLimiter)]>([:])

    /// Takes one request's place.
    /// - Throws: 429 if there is none.
    func admit(_ endpoint: EndpointID, _ options: KACLSOptions) throws(KACLSError) {
        guard let limit = options.requestsPerSecond else { return }
        let bucket = buckets.withLock { buckets in
            if let known = buckets[endpoint], known.limit == limit { return known.bucket }
            let new = RefusalLimiter(perSecond: limit, burst: limit)
            buckets[endpoint] = (limit, new)
            return new
        }
        guard case .record = bucket.admit() else {
            throw KACLSError(429, "too many requests; try again in a second", cause: "rate-limit")
        }
    }
}
