package import Primitives

/// Where the root key comes from. It seals one thing: the data-sealing key.
package enum RootKeySource: Sendable, Equatable {
    /// A file of 64 hexadecimal digits, mode 0600 or stricter, owned by the user who runs us or by root.
    case file(path: String)
    /// A passphrase in a file of that mode (or on a descriptor such as `/dev/stdin`), stretched with scrypt.
    case passphraseFile(path: String)
    /// An environment variable with 64 hexadecimal digits; for containers.
    case environment(variable: String)
}

/// Why there is no root key.
package enum RootKeyError: Error, Equatable, CustomStringConvertible {
    /// The text says what was expected, what was found, what to do.
    case unusable(String)

    package var description: String { switch self { case .unusable(let text): text } }
}

/// scrypt (RFC 7914) with its cost: N = 2^17, r = 8, p = 1 takes about a third of a second and 128 MiB.
package struct PassphraseStretching: Sendable, Equatable {
    /// 16 random bytes.
    package let salt: [UInt8]
    package let logN: Int

    /// As given; the salt is not secret.
    package init(salt: [UInt8], logN: Int = 17) { (self.salt, self.logN) = (salt, logN) }
}

extension RootKeySource {
    /// Whether the key is made from a passphrase, for which a salt must be kept.
    package var isPassphrase: Bool { if case .passphraseFile = self { true } else { false } }

    /// The root key: 32 bytes.
    /// - Parameters:
    ///   - stretching: for a passphrase; not used otherwise.
    ///   - environment: the process's variables.
    package func load(stretching: PassphraseStretching?, environment: [String: String]) throws(RootKeyError) -> SharedSecret {
        switch self {
        case .file(let path):
            return try RootKeySource.parse(try RootKeySource.read(path), what: "root key file \(path)")
        case .environment(let variable):
            guard let text = environment[variable] else {
                throw .unusable("expected the root key in the environment variable \(variable), which is not set")
            }
            return try RootKeySource.parse(SecretBytes(copying: text.utf8), what: "environment variable \(variable)")
        case .passphraseFile(let path):
            guard let stretching else { throw .unusable("the data folder holds no salt for a passphrase; it was made with another kind of root key") }
            return try RootKeySource.stretch(try RootKeySource.read(path), stretching)
        }
    }

    private static func read(_ path: String) throws(RootKeyError) -> SecretBytes {
        do {
            return try PrivateFile.read(path, maxBytes: 4096)
        } catch {
            throw .unusable("\(error)")
        }
    }

    private static func parse(_ text: borrowing SecretBytes, what: String) throws(RootKeyError) -> SharedSecret {
        guard let key = Hex.decodeSecret(text), key.count == 32 else {
            throw .unusable("\(what): expected 64 hexadecimal digits (32 bytes), found something else")
        }
        return SharedSecret(key)
    }

    private static func stretch(_ passphrase: borrowing SecretBytes, _ stretching: PassphraseStretching) throws(RootKeyError) -> SharedSecret {
        let trimmed = passphrase.withoutTrailingNewline()
        guard trimmed.count >= 12 else { throw .unusable("expected a passphrase of at least 12 bytes, found \(trimmed.count)") }
        do {
            return SharedSecret(try Scrypt.derive(trimmed, salt: stretching.salt, n: 1 << UInt64(stretching.logN), r: 8, p: 1, count: 32))
        } catch {
            throw .unusable("scrypt failed: \(error)")
        }
    }
}
