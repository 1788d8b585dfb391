package import Primitives

/// The data key of a backup, wrapped: what only the passphrase or the recipient's private key opens.
package enum BackupLock: Sendable, Equatable {
    /// Wrapped with XAES-256-GCM under a key that scrypt makes from a passphrase.
    case passphrase(PassphraseStretching, wrapped: [UInt8])
    /// Encrypted with RSA-OAEP (SHA-256) to a public key, named by the SHA-256 of its `SubjectPublicKeyInfo`.
    case recipient(spkiSHA256: [UInt8], wrapped: [UInt8])

    private static let label = Array("holdfast/backup/1/key".utf8)
    private static let oaep = OAEP(.sha256, label: label)

    /// A new data key and its wrapped form.
    static func make(for secret: BackupSecret) throws(BackupError) -> (SharedSecret, BackupLock) {
        do {
            let key = SharedSecret(try SecretBytes(randomCount: 32))
            switch secret {
            case .passphrase(let passphrase):
                let stretching = PassphraseStretching(salt: try RandomBytes.generate(16))
                let wrapping = try BackupLock.stretch(passphrase, stretching)
                return (key, .passphrase(stretching, wrapped: try XAES256GCM.seal(key.bytes, key: wrapping, aad: label)))
            case .recipient(let publicKey):
                guard case .rsa = publicKey.type else { throw BackupError.locked("expected an RSA public key for the recipient, found \(publicKey.type)") }
                return (key, .recipient(spkiSHA256: publicKey.spkiSHA256, wrapped: try publicKey.encrypt(key.bytes, with: oaep)))
            }
        } catch let error as BackupError {
            throw error
        } catch {
            throw .locked("the backup's key can't be wrapped: \(error)")
        }
    }

    /// The data key.
    func open(with opener: BackupOpener) throws(BackupError) -> SharedSecret {
        switch (self, opener) {
        case (.passphrase(let stretching, let wrapped), .passphrase(let passphrase)):
            let key = try BackupLock.stretch(passphrase, stretching)
            do { return SharedSecret(try XAES256GCM.open(wrapped, key: key, aad: BackupLock.label)) } catch {
                throw .locked("the passphrase does not open this backup: it is another one, or the file's header was changed")
            }
        case (.recipient(let digest, let wrapped), .privateKey(let key)):
            guard key.publicKey.spkiSHA256 == digest else {
                throw .locked("the backup is for the key \(Hex.string(digest)) (SHA-256), the private key given is \(Hex.string(key.publicKey.spkiSHA256))")
            }
            do { return SharedSecret(try key.decrypt(wrapped, with: BackupLock.oaep)) } catch {
                throw .locked("the private key does not open this backup: the file's header was changed")
            }
        case (.passphrase, .privateKey): throw .locked("this backup opens with a passphrase, not with a private key")
        case (.recipient(let digest, _), .passphrase):
            throw .locked("this backup opens with the private key of \(Hex.string(digest)) (SHA-256), not with a passphrase")
        }
    }

    private static func stretch(_ passphrase: SharedSecret, _ stretching: PassphraseStretching) throws(BackupError) -> SecretBytes {
        guard passphrase.bytes.count >= 12 else { throw .locked("expected a passphrase of at least 12 bytes, found \(passphrase.bytes.count)") }
        do {
            return try Scrypt.derive(passphrase.bytes, salt: stretching.salt, n: 1 << UInt64(stretching.logN), r: 8, p: 1, count: 32)
        } catch {
            throw .locked("scrypt failed: \(error)")
        }
    }

    // MARK: JSON

    var document: JSONValue {
        switch self {
        case .passphrase(let stretching, let wrapped):
            [
                "kind": "passphrase", "kdf": "scrypt", "salt": .string(Base64.string(stretching.salt)),
                "log_n": .integer(Int64(stretching.logN)), "key": .string(Base64.string(wrapped)),
            ]
        case .recipient(let digest, let wrapped):
            [
                "kind": "recipient", "algorithm": "RSA-OAEP-SHA256", "public_key_sha256": .string(Hex.string(digest)),
                "key": .string(Base64.string(wrapped)),
            ]
        }
    }

    init(_ document: JSONValue) throws(BackupError) {
        let bytes = { (name: String) in document[name]?.string.flatMap { try? Base64.decodeLenient(Array($0.utf8)[...]) } }
        switch document["kind"]?.string {
        case "passphrase":
            // Beyond 2^19 scrypt wants more memory than a file from outside may ask for.
            guard document["kdf"]?.string == "scrypt", let salt = bytes("salt"), salt.count == 16, let wrapped = bytes("key"),
                let logN = document["log_n"]?.integer, (10...19).contains(logN)
            else { throw .damaged("the backup's header has no usable scrypt parameters; the file was changed") }
            self = .passphrase(PassphraseStretching(salt: salt, logN: Int(logN)), wrapped: wrapped)
        case "recipient":
            guard document["algorithm"]?.string == "RSA-OAEP-SHA256", let wrapped = bytes("key"), wrapped.count <= 1024,
                let digest = document["public_key_sha256"]?.string.flatMap({ Hex.decode($0) }), digest.count == 32
            else { throw .damaged("the backup's header names no usable recipient; the file was changed") }
            self = .recipient(spkiSHA256: digest, wrapped: wrapped)
        default: throw .unreadable("the backup is locked in a way that this version does not know; use a newer version")
        }
    }
}

/// What a new backup is locked with.
package enum BackupSecret: Sendable {
    /// At least 12 bytes.
    case passphrase(SharedSecret)
    /// RSA.
    case recipient(PublicKey)
}

/// What opens a backup.
package enum BackupOpener: Sendable {
    case passphrase(SharedSecret)
    case privateKey(PrivateKey)
}

/// The keys that follow from a backup's data key: one for its chunks, one for the secret values in them.
struct BackupKeys: Sendable {
    let chunks: SharedSecret
    /// Seals what is secret inside the backup, so that no plaintext key passes through its buffers, nor stands in a restore's files.
    let values: DataSealer

    init(dataKey: SharedSecret) throws(BackupError) {
        do {
            chunks = SharedSecret(
                try HKDF.expand(dataKey.bytes, info: Array("holdfast/backup/1/chunks".utf8), count: 32, with: .sha256))
            values = DataSealer(key: SharedSecret(
                try HKDF.expand(dataKey.bytes, info: Array("holdfast/backup/1/values".utf8), count: 32, with: .sha256)))
        } catch {
            throw .locked("the backup's keys can't be derived: \(error)")
        }
    }
}
