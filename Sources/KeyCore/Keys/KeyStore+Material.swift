package import Primitives

extension KeyStore {
    /// The public half of a version of an RSA or EC key; nil stands for the newest version.
    package func publicKey(
        _ id: KeyID, version wanted: KeyVersionNumber?
    ) async throws(StoreError) -> (key: Key, version: KeyVersionNumber, publicKey: PublicKey) {
        let (loaded, version, material) = try await material(id, wanted)
        guard let publicKey = try StoreError.wrapping({ try KeyMaterial.publicKey(material.bytes, loaded.key.algorithm) }) else {
            throw .notFound("the public half of key “\(loaded.key.name)”, which is \(loaded.key.algorithm.rawValue),")
        }
        return (loaded.key, version, publicKey)
    }

    /// The material of a version that may leave as far as the key itself is concerned: whether the caller may have it, a policy says.
    package func exportableMaterial(
        _ id: KeyID, version wanted: KeyVersionNumber?
    ) async throws(StoreError) -> (version: KeyVersionNumber, material: SharedSecret) {
        let (loaded, version, material) = try await material(id, wanted)
        guard loaded.key.summary.isExportable else { throw .refused("key “\(loaded.key.name)” was made unexportable") }
        guard let state = loaded.key.versions.first(where: { $0.number == version })?.state, state.mayProcess else {
            throw .refused("version \(version) is suspended: resume it first")
        }
        return (version, material)
    }

    private func material(
        _ id: KeyID, _ wanted: KeyVersionNumber?
    ) async throws(StoreError) -> (LoadedKey, KeyVersionNumber, SharedSecret) {
        guard let loaded = try await load(id), let number = wanted ?? loaded.key.versions.first?.number else { throw .notFound("key \(id)") }
        guard loaded.key.versions.contains(where: { $0.number == number }) else { throw .notFound("version \(number) of key \(id)") }
        guard let material = loaded.material(number) else { throw .notFound("the material of version \(number), which is destroyed,") }
        return (loaded, number, material)
    }
}
