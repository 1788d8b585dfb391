package import Primitives

extension KeyService {
    /// Hands a cache-only key out, in the form that `seal` gives it, once that is on record: the key itself does not leave.
    ///
    /// The material of cache-only keys lies sealed in our own database, whichever source made it: no source is asked here, so none that is
    /// away can cost an org its key.
    /// - Parameter seal: encrypts the key, 32 bytes, to whoever asked.
    /// - Throws: `.keyNotFound`, `.suspended`, `.unusable` if an administrator has stopped or destroyed it, or never released it;
    ///   `.sourceUnavailable`, `.auditUnavailable` if the fault is ours.
    package func fetch<R: Sendable>(
        _ version: KeyVersionNumber, under grant: Grant, recording record: AuditRecord, since start: UInt64,
        sealedBy seal: (borrowing SecretBytes) throws -> R
    ) async throws(KeyServiceError) -> R {
        guard grant.operation == .fetchKey else { throw .unusable("the grant is for \(grant.operation.rawValue)") }
        let loaded = try await load(grant.key)
        guard loaded.key.purpose == .cacheOnly else { throw .unusable("the key is for \(loaded.key.purpose.rawValue)") }
        guard let found = loaded.key.versions.first(where: { $0.number == version }), found.state != .destroyed else { throw .keyNotFound }
        guard found.state != .suspended else { throw .suspended }
        guard found.state.mayProcess else { throw .unusable("version \(version) is \(found.state.rawValue)") }
        guard let material = loaded.material(version), material.bytes.count == 32 else {
            throw .sourceUnavailable("version \(version) of key \(grant.key) has no material of 32 bytes")
        }
        let sealed: R
        do { sealed = try seal(material.bytes) } catch { throw .sourceUnavailable("the key could not be encrypted: \(error)") }
        try await write(record, version, start)
        return sealed
    }
}
