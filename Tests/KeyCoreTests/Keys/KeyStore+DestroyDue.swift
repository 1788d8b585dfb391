import KeyCore

extension KeyStore {
    /// Destroys whatever is due, without a record.
    func destroyDue() async throws -> [(id: KeyID, version: KeyVersionNumber)] { try await destroyDue(dueDestructions()) }
}
