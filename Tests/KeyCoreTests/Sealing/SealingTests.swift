import Foundation
import Primitives
import TestSupport
import Testing

@testable import KeyCore

@Suite("Sealing at rest") struct DataSealerTests {
    let sealer: DataSealer
    let place = SealedLocation(table: "key_versions", row: "k/1", column: "material")
    init() throws { sealer = DataSealer(key: SharedSecret(try SecretBytes(randomCount: 32))) }

    private func isOpened(_ sealed: [UInt8], at place: SealedLocation, by sealer: DataSealer) -> Bool {
        do {
            _ = try sealer.open(sealed, at: place).count
            return true
        } catch {
            #expect(error == .unauthentic(place))
            return false
        }
    }

    @Test("what was sealed opens at its place; the form is 01, nonce, ciphertext, tag", arguments: [0, 1, 32, 5000])
    func roundTrip(count: Int) throws {
        let secret = [UInt8](repeating: 0xA5, count: count)
        let sealed = try sealer.seal(SecretBytes(copying: secret), at: place)
        #expect(sealed.count == 1 + 24 + count + 16 && sealed[0] == 1)
        let opened = try sealer.open(sealed, at: place).exposedCopy()
        #expect(opened == secret)
        #expect(try sealer.seal(SecretBytes(copying: secret), at: place) != sealed)
    }

    @Test("at another place, with another key, or with any bit changed it does not")
    func binding() throws {
        let sealed = try sealer.seal(SecretBytes(copying: "secret".utf8), at: place)
        let others = [
            SealedLocation(table: "key_versions", row: "k/2", column: "material"), SealedLocation(table: "key_versions", row: "k/1", column: "sealed"),
            SealedLocation(table: "secrets", row: "k/1", column: "material"), SealedLocation(table: "key_version", row: "sk/1", column: "material"),
            SealedLocation(table: "key_versions", row: "k/1material", column: ""), SealedLocation(table: "", row: "key_versionsk/1", column: "material"),
        ]
        for other in others { #expect(!isOpened(sealed, at: other, by: sealer)) }
        #expect(!isOpened(sealed, at: place, by: DataSealer(key: SharedSecret(try SecretBytes(randomCount: 32)))))
        for bit in 0..<sealed.count * 8 {
            var changed = sealed
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!isOpened(changed, at: place, by: sealer))
        }
        for count in 0..<sealed.count { #expect(!isOpened(Array(sealed.prefix(count)), at: place, by: sealer)) }
        #expect(isOpened(sealed, at: place, by: sealer))
    }

    @Test("locations are bound injectively; one too long to be is refused")
    func locations() throws {
        let parts = ["", "a", "ab", "b", "\0", "\0a", "a\0"]
        let all = parts.flatMap { a in parts.flatMap { b in parts.map { SealedLocation(table: a, row: b, column: $0) } } }
        #expect(Set(all.map(\.associatedData)).count == all.count)
        let long = SealedLocation(table: "t", row: String(repeating: "x", count: 65_536), column: "c")
        #expect(throws: SealingError.self) { try sealer.seal(SecretBytes(copying: []), at: long) }
        #expect(!isOpened([1] + [UInt8](repeating: 0, count: 40), at: long, by: sealer))
    }
}

@Suite("The root key") struct RootKeyTests {
    let world: KeyDatabase
    init() throws { world = try KeyDatabase() }
    static let digits = String(repeating: "0123456789abcdef", count: 4)
    static let stretching = PassphraseStretching(salt: Array("sixteen salt byt".utf8), logN: 10)

    private func file(_ name: String, _ text: String, mode: Int = 0o600) -> String {
        let path = world.folder + "/" + name
        _ = FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: mode])
        return path
    }

    /// The key in hexadecimal, or the error's text.
    private func load(_ source: RootKeySource, _ stretching: PassphraseStretching? = nil, _ environment: [String: String] = [:]) -> String {
        do {
            return Hex.string(try source.load(stretching: stretching, environment: environment).bytes.exposedCopy())
        } catch { return error.description }
    }

    @Test("a file of 64 digits is the key, with a line end or without, in either case")
    func fileForms() {
        for text in [Self.digits, Self.digits + "\n", Self.digits + "\r\n", Self.digits.uppercased()] {
            #expect(load(.file(path: file("k\(text.count)\(text.hashValue)", text))) == Self.digits)
        }
    }

    @Test("a file that others may read is refused, whatever it holds", arguments: [0o640, 0o604, 0o644, 0o660, 0o666, 0o610, 0o601])
    func fileMode(mode: Int) {
        let path = file("key", Self.digits, mode: mode)
        for source in [RootKeySource.file(path: path), .passphraseFile(path: path)] {
            #expect(load(source, Self.stretching).contains("expected mode 0600, found 0\(String(mode, radix: 8))"))
        }
    }

    @Test("what is missing or no 64 digits is refused, and the text doesn't repeat it", arguments: [
        "", "00", String(digits.dropLast(2)), digits + "00", String(digits.dropLast()) + "g", " " + digits, digits + "\n\n", digits + " ",
        "0x" + String(digits.dropLast(2)),
    ] as [String])
    func badFile(text: String) {
        let message = load(.file(path: file("key", text)))
        #expect(message.contains("expected 64 hexadecimal digits"))
        #expect(text.count < 10 || !message.contains(text.prefix(10)))
        #expect(load(.environment(variable: "K"), nil, ["K": text]).contains("environment variable K: expected 64"))
        #expect(load(.file(path: "/nonexistent/key")).contains("can't be opened"))
    }

    @Test("an environment variable is the key; one that isn't set is named")
    func environment() {
        #expect(load(.environment(variable: "HOLDFAST_KEY"), nil, ["HOLDFAST_KEY": Self.digits]) == Self.digits)
        #expect(load(.environment(variable: "HOLDFAST_KEY"), nil, ["OTHER": Self.digits]).contains("HOLDFAST_KEY, which is not set"))
    }

    @Test("a passphrase is stretched with scrypt and its salt; a line end is not part of it, and twelve bytes are the least")
    func passphrase() throws {
        let text = "correct horse battery"
        let expected = try Scrypt.derive(
            SecretBytes(copying: text.utf8), salt: Self.stretching.salt, n: 1024, r: 8, p: 1, count: 32)
        #expect(load(.passphraseFile(path: file("p1", text)), Self.stretching) == Hex.string(expected.exposedCopy()))
        #expect(load(.passphraseFile(path: file("p2", text + "\n")), Self.stretching) == Hex.string(expected.exposedCopy()))
        #expect(load(.passphraseFile(path: file("p3", text + " ")), Self.stretching) != Hex.string(expected.exposedCopy()))
        let salted = PassphraseStretching(salt: Array("another salt byt".utf8), logN: 10)
        #expect(load(.passphraseFile(path: file("p4", text)), salted) != Hex.string(expected.exposedCopy()))
        #expect(load(.passphraseFile(path: file("p5", "elevenbytes\n")), Self.stretching).contains("at least 12 bytes, found 11"))
        #expect(load(.passphraseFile(path: file("p6", text))).contains("holds no salt"))
        #expect(load(.passphraseFile(path: file("p7", String(repeating: "x", count: 4097))), Self.stretching).contains("at most 4096 bytes"))
    }
}

@Suite("The data-sealing key") struct SealingKeyStoreTests {
    let world: KeyDatabase
    let store: SealingKeyStore
    static let key = RootKeySource.environment(variable: "K")
    static func environment(_ digit: String) -> [String: String] { ["K": String(repeating: digit, count: 64)] }

    init() throws {
        world = try KeyDatabase()
        store = SealingKeyStore(database: world.database)
    }

    private let place = SealedLocation(table: "t", row: "r", column: "c")

    /// What the sealer opened with this root key makes of `sealed`; the error otherwise.
    private func opened(_ sealed: [UInt8], _ source: RootKeySource, _ environment: [String: String]) -> String {
        do {
            let sealer = try store.open(rootKey: source, environment: environment)
            return String(decoding: try sealer.open(sealed, at: place).exposedCopy(), as: UTF8.self)
        } catch { return "\(error)" }
    }

    @Test("the root key opens it again; another one is told to be the wrong one")
    func rawKey() throws {
        let sealer = try store.create(rootKey: Self.key, environment: Self.environment("a"), now: world.clock.now)
        let sealed = try sealer.seal(SecretBytes(copying: "hello".utf8), at: place)
        #expect(opened(sealed, Self.key, Self.environment("a")) == "hello")
        #expect(opened(sealed, Self.key, Self.environment("b")) == SealingError.wrongRootKey.description)
        #expect(throws: (any Error).self) { try store.create(rootKey: Self.key, environment: Self.environment("a"), now: world.clock.now) }
        #expect(opened(sealed, Self.key, Self.environment("a")) == "hello")
        #expect(opened(sealed, .environment(variable: "X"), Self.environment("a")).contains("X, which is not set"))
    }

    @Test("a passphrase opens it with the salt that is kept; a wrong one is told to be the wrong one")
    func passphrase() throws {
        func source(_ text: String) -> RootKeySource {
            let path = world.folder + "/\(text.hashValue)"
            _ = FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
            return .passphraseFile(path: path)
        }
        let sealer = try store.create(rootKey: source("correct horse"), environment: [:], now: world.clock.now)
        let sealed = try sealer.seal(SecretBytes(copying: "hello".utf8), at: place)
        #expect(opened(sealed, source("correct horse"), [:]) == "hello")
        #expect(opened(sealed, source("correct horsf"), [:]) == SealingError.wrongRootKey.description)
        #expect(opened(sealed, Self.key, Self.environment("a")) == SealingError.wrongRootKey.description)
    }

    @Test("a changed row is told to be the wrong root key; a cost beyond reason is refused before it is paid")
    func changed() throws {
        #expect(opened([], Self.key, Self.environment("a")).contains("does not exist"))
        _ = try store.create(rootKey: Self.key, environment: Self.environment("a"), now: world.clock.now)
        for cost in [9, 20, 63, -1, Int64.max] {
            try world.database.writeBlocking { _ = try $0.execute("UPDATE sealing_keys SET log_n = $1", [.integer(cost)]) }
            #expect(opened([], Self.key, Self.environment("a")).contains("scrypt cost"))
        }
        try world.database.writeBlocking { _ = try $0.execute("UPDATE sealing_keys SET log_n = NULL, sealed = $1", [.blob([1, 2, 3])]) }
        #expect(opened([], Self.key, Self.environment("a")) == SealingError.wrongRootKey.description)
    }

    @Test("secrets are kept by name, with a public part; none is found under another's name, and none is replaced")
    func secrets() throws {
        let secrets = SecretStore(database: world.database, sealer: world.sealer)
        try secrets.create("a", SecretBytes(copying: "alpha".utf8), publicPart: "A", now: world.clock.now)
        try secrets.create("b", SecretBytes(copying: "beta".utf8), publicPart: nil, now: world.clock.now)
        #expect(try secrets.find("a")?.bytes.exposedCopy() == Array("alpha".utf8))
        #expect(try secrets.publicPart("a") == "A")
        #expect(try secrets.publicPart("b") == nil)
        #expect(try secrets.find("c") == nil)
        do {
            try secrets.create("a", SecretBytes(copying: "x".utf8), publicPart: nil, now: world.clock.now)
            Issue.record("replaced")
        } catch { #expect(error.description == "a secret named “a” exists already") }
        try world.database.writeBlocking {
            _ = try $0.execute("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'b') WHERE name = 'a'")
        }
        #expect(throws: StoreError.self) { try secrets.find("a") }
    }
}
