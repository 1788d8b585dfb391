package import KeyCore
package import Primitives
import Synchronization

/// A clock that stands still until a test moves it.
package final class EKMTestClock: Sendable {
    private let instant: Mutex<Instant>

    /// Shows 2026-01-01T12:00:00Z.
    package init() { instant = Mutex(Instant(seconds: 1_767_268_800)) }

    /// What it shows.
    package var now: Instant { instant.withLock { $0 } }
    /// The clock for the parts under test.
    package var wall: WallClock { WallClock { self.now } }
    /// Lets time pass.
    package func advance(by duration: Duration) { instant.withLock { $0 = $0 + duration } }
}

/// An audit journal in memory, which can be told to fail.
package final class EKMTestAudit: AuditSink {
    private let state = Mutex<(records: [AuditRecord], error: AuditError?)>(([], nil))

    /// Empty, and well.
    package init() {}

    /// Everything that was recorded.
    package var records: [AuditRecord] { state.withLock { $0.records } }
    /// From now on each append throws this; nil mends it.
    package func fail(_ error: AuditError?) { state.withLock { $0.error = error } }

    package func append(_ record: AuditRecord) async throws(AuditError) {
        let error = state.withLock { state in
            if state.error == nil { state.records.append(record) }
            return state.error
        }
        if let error { throw error }
    }

    package var health: AuditHealth { state.withLock { $0.error == nil } ? .green : .red(.unsigned, since: Instant(seconds: 0)) }
}

/// An issuer's JWKS address, which counts who asks.
package final class EKMTestJWKS: Sendable {
    /// Nobody answers.
    package struct Down: Error {}

    private let state: Mutex<(document: [UInt8]?, fetches: Int)>

    /// Serves `document`; nil is down.
    package init(_ document: [UInt8]?) { state = Mutex((document, 0)) }

    /// How often it was asked.
    package var fetches: Int { state.withLock { $0.fetches } }
    /// Serves this from now on; nil is down.
    package func serve(_ document: [UInt8]?) { state.withLock { $0.document = document } }

    /// One fetch.
    package func fetch() throws -> (body: [UInt8], maxAge: Duration?) {
        let document = state.withLock { state in
            state.fetches += 1
            return state.document
        }
        guard let document else { throw Down() }
        return (document, .seconds(3600))
    }
}

/// A key source that isn't local, such as an HSM: works like another one, until it is told to stall or to fail.
package final class EKMTestKeySource: KeySource {
    /// What it does when asked.
    package enum Mood: Sendable {
        /// Works.
        case well
        /// Answers after this time.
        case stalls(Duration)
        /// Throws.
        case fails(KeySourceError)
    }

    package let id = KeySourceID("remote")
    package let isLocal = false
    package var wrapAlgorithm: WrapAlgorithm { inner.wrapAlgorithm }
    package var keepsMaterial: Bool { inner.keepsMaterial }
    private let inner: any KeySource
    private let state = Mutex<(mood: Mood, uses: Int)>((.well, 0))

    /// Works like `inner`.
    package init(_ inner: any KeySource) { self.inner = inner }

    /// What it does from now on.
    package func become(_ mood: Mood) { state.withLock { $0.mood = mood } }
    /// How often it was asked to wrap or unwrap.
    package var uses: Int { state.withLock { $0.uses } }

    package func generate(_ algorithm: KeyAlgorithm) async throws(KeySourceError) -> SecretBytes { try await inner.generate(algorithm) }

    package func wrap(
        _ plaintext: borrowing SecretBytes, with material: SharedSecret, associatedData: [UInt8]
    ) async throws(KeySourceError) -> [UInt8] {
        try await suffer()
        return try await inner.wrap(plaintext, with: material, associatedData: associatedData)
    }

    package func unwrap(
        _ box: ArraySlice<UInt8>, algorithm: WrapAlgorithm, with material: SharedSecret, associatedData: [UInt8]
    ) async throws(KeySourceError) -> SecretBytes {
        try await suffer()
        return try await inner.unwrap(box, algorithm: algorithm, with: material, associatedData: associatedData)
    }

    private func suffer() async throws(KeySourceError) {
        let mood = state.withLock { state in
            state.uses += 1
            return state.mood
        }
        switch mood {
        case .well: return
        case .stalls(let time): try? await Task.sleep(for: time)
        case .fails(let error): throw error
        }
    }
}
