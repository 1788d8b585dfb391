package import KeyCore
package import Primitives
import Synchronization

/// A key source that does what a test says: works, fails, or hangs. Its material is 32 bytes, its boxes XAES-256-GCM.
package final class FakeKeySource: KeySource {
    package let id: KeySourceID
    package let isLocal: Bool
    package let keepsMaterial: Bool
    package let wrapAlgorithm = WrapAlgorithm.xaes256GCM

    private struct State {
        var failure: KeySourceError?
        var isStalled = false
        var uses = 0
        var material: [UInt8]?
    }

    private let state = Mutex(State())

    /// A source that works.
    package init(_ id: KeySourceID = .embedded, isLocal: Bool = true, keepsMaterial: Bool = false) {
        (self.id, self.isLocal, self.keepsMaterial) = (id, isLocal, keepsMaterial)
    }

    /// How often it was asked to wrap or unwrap.
    package var uses: Int { state.withLock { $0.uses } }

    /// Fails with this from now on; nil: works.
    package func fail(_ failure: KeySourceError?) { state.withLock { $0.failure = failure } }
    /// Whether it answers nothing until this is called again.
    package func stall(_ isStalled: Bool) { state.withLock { $0.isStalled = isStalled } }
    /// Generates exactly these bytes from now on.
    package func generates(_ material: [UInt8]?) { state.withLock { $0.material = material } }

    package func generate(_ algorithm: KeyAlgorithm) async throws(KeySourceError) -> SecretBytes {
        guard algorithm == .aes256 else { throw .unsupported }
        let (failure, material) = state.withLock { ($0.failure, $0.material) }
        if let failure { throw failure }
        if let material { return SecretBytes(copying: material) }
        do { return try SecretBytes(randomCount: 32) } catch { throw .unavailable("\(error)") }
    }

    package func wrap(
        _ plaintext: borrowing SecretBytes, with material: SharedSecret, associatedData: [UInt8]
    ) async throws(KeySourceError) -> [UInt8] {
        try await use()
        do {
            return try XAES256GCM.seal(plaintext, key: material.bytes, aad: associatedData)
        } catch { throw .malformed }
    }

    package func unwrap(
        _ box: ArraySlice<UInt8>, algorithm: WrapAlgorithm, with material: SharedSecret, associatedData: [UInt8]
    ) async throws(KeySourceError) -> SecretBytes {
        try await use()
        guard algorithm == wrapAlgorithm else { throw .malformed }
        do {
            return try XAES256GCM.open(box, key: material.bytes, aad: associatedData)
        } catch { throw .unauthentic }
    }

    private func use() async throws(KeySourceError) {
        state.withLock { $0.uses += 1 }
        while state.withLock({ $0.isStalled }) { try? await Task.sleep(for: .milliseconds(2)) }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }
}

/// An audit that keeps its records in memory, or fails as told.
package final class RecordingAudit: AuditSink {
    private let state = Mutex((records: [AuditRecord](), failure: AuditError?.none))

    /// A working one.
    package init() {}

    /// What was recorded.
    package var records: [AuditRecord] { state.withLock { $0.records } }
    package var health: AuditHealth { .green }

    /// Fails with this from now on; nil: works.
    package func fail(_ failure: AuditError?) { state.withLock { $0.failure = failure } }

    package func append(_ record: AuditRecord) async throws(AuditError) {
        let failure = state.withLock { state in
            if state.failure == nil { state.records.append(record) }
            return state.failure
        }
        if let failure { throw failure }
    }
}
