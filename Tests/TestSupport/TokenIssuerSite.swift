package import KeyCore
import Primitives
import Synchronization

/// The web as a key store sees it: JWK Sets by address, failures, delays; it keeps a list of what was fetched.
package final class TokenIssuerSite: Sendable {
    /// How an address answers.
    package enum Answer: Sendable {
        /// This body, and for how long it may be kept.
        case body([UInt8], maxAge: Duration?)
        /// Not at all.
        case failure
        /// Not until `release`, and then as told then.
        case held

        /// A set's text.
        package static func set(_ jwks: String, maxAge: Duration? = nil) -> Answer { .body(Array(jwks.utf8), maxAge: maxAge) }
    }

    /// What a failing address throws.
    package struct Unreachable: Error, CustomStringConvertible {
        package let description = "connection refused"
    }

    private struct State {
        var answers: [String: Answer] = [:]
        var fetched: [String] = []
    }

    private let state = Mutex(State())

    /// A web without any address.
    package init() {}

    /// The addresses that were fetched, in order.
    package var fetched: [String] { state.withLock { $0.fetched } }

    /// Lets an address answer so from now on.
    package func answer(_ url: String, _ answer: Answer) { state.withLock { $0.answers[url] = answer } }

    /// For `JWKSStore`.
    package var fetch: JWKSFetch {
        { url in
            self.state.withLock { $0.fetched.append(url) }
            while true {
                switch self.state.withLock({ $0.answers[url] }) ?? .failure {
                case .body(let body, let maxAge): return (body, maxAge)
                case .failure: throw Unreachable()
                case .held: try await Task.sleep(for: .milliseconds(2))
                }
            }
        }
    }
}
