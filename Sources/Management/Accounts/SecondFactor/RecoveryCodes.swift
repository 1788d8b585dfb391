import Primitives

/// What signs in once in place of a second factor's code, when the authenticator program is lost: ten codes of 80 random bits each, shown once
/// and kept as hashes.
enum RecoveryCodes {
    static let count = 10
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    /// New codes, as `abcd-efgh-ijkl-mnop`.
    static func make() throws -> [String] {
        try (0..<count).map { _ in
            let letters = try RandomBytes.generate(16).map { alphabet[Int($0) & 31] }
            return stride(from: 0, to: 16, by: 4).map { String(decoding: letters[$0..<$0 + 4], as: UTF8.self) }.joined(separator: "-")
        }
    }

    /// What is stored of a code; nil if a typed text is none. Case, space and hyphens don't count.
    static func hash(_ typed: String) -> String? {
        let letters = Array(typed.lowercased().utf8).filter { $0 != 0x2D && $0 != 0x20 }
        guard letters.count == 16, letters.allSatisfy(alphabet.contains) else { return nil }
        return Base64.urlEncoded(Digest.sha256(Array("holdfast/recovery-code/1\0".utf8) + letters))
    }
}
