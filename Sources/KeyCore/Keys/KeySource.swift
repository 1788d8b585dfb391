package import Primitives

/// Where key material lives and works: the embedded store, an HSM, another key manager.
///
/// What `generate` returns is kept sealed beside the key version and handed back for each operation: the material itself for
/// the embedded source, a locator for a remote one.
package protocol KeySource: Sendable {
    /// Its name.
    var id: KeySourceID { get }
    /// Whether operations are computation only: they then run on the caller's thread, without a deadline.
    var isLocal: Bool { get }
    /// The algorithm byte of the blobs it makes; see `WrappedBlob`.
    var wrapAlgorithm: WrapAlgorithm { get }

    /// What kind of source it is: `embedded`, `pkcs11`, …
    var kind: String { get }
    /// Whether what it gives us to keep is the material itself, so that keys can be imported and exported (`KeyMaterial`).
    var keepsMaterial: Bool { get }
    /// Whether it can be used now.
    func health() async -> KeySourceHealth

    /// New material of that kind.
    func generate(_ algorithm: KeyAlgorithm) async throws(KeySourceError) -> SecretBytes

    /// `nonce ‖ ciphertext ‖ tag` of `plaintext`, with `associatedData` bound to it.
    func wrap(
        _ plaintext: borrowing SecretBytes, with material: SharedSecret, associatedData: [UInt8]
    ) async throws(KeySourceError) -> [UInt8]

    /// What `wrap` was given, or nothing at all.
    func unwrap(
        _ box: ArraySlice<UInt8>, algorithm: WrapAlgorithm, with material: SharedSecret, associatedData: [UInt8]
    ) async throws(KeySourceError) -> SecretBytes
}

extension KeySource {
    /// By its own name.
    package var kind: String { id.description }
    /// It keeps it to itself.
    package var keepsMaterial: Bool { false }
    /// Nothing is known against it.
    package func health() async -> KeySourceHealth { .well }
}

/// Whether a key source can be used.
package enum KeySourceHealth: Sendable, Equatable {
    case well
    /// It can't; the text is for the operator.
    case unwell(String)
}

/// Why a key source did not do what it was asked.
package enum KeySourceError: Error, Equatable {
    /// The box was not made with this material and associated data, or was changed since.
    case unauthentic
    /// The box has another form than this source makes.
    case malformed
    /// It can't do that with this kind of key.
    case unsupported
    /// It can't be reached or is broken; the text is for the operator only.
    case unavailable(String)
    /// It did not answer in time.
    case deadlineExceeded
}
