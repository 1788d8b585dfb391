import Foundation
import KeyCore
package import Primitives

/// What a new password must be. The rest is left to the people (NIST SP 800-63B, 5.1.1.2: length and a block list, no classes of characters).
package struct PasswordPolicy: Sendable {
    /// Characters.
    package var length = 12...128
    /// How many earlier passwords may not come back, the present one included.
    package var remembered = 5

    /// The defaults.
    package init() {}

    /// A password as its bytes, in normalisation form C so that it is the same from every keyboard.
    package static func bytes(_ text: String) -> SharedSecret {
        SharedSecret(SecretBytes(copying: text.precomposedStringWithCanonicalMapping.utf8))
    }

    /// Throws `.invalid` with the rule that `password` breaks; it is never repeated.
    package func check(_ password: String, of name: AccountName, field: String) throws(Problem) {
        guard length.contains(password.unicodeScalars.count), !password.unicodeScalars.contains("\0") else {
            throw .invalid(field, expected: "a password of \(length.lowerBound) to \(length.upperBound) characters")
        }
        let folded = AccountName(typed: password).canonical
        guard name.canonical.unicodeScalars.count < 3 || !folded.contains(name.canonical) else {
            throw .invalid(field, expected: "a password that doesn't contain the user's name")
        }
        guard !CommonPasswords.contains(folded) else {
            throw .invalid(field, expected: "a password that is not on the list of common ones")
        }
    }

    /// A password that a person gets once: 20 characters of 32, 100 bits, without those that are easily confused.
    package static func oneTime() throws -> String {
        let alphabet = Array("abcdefghjkmnpqrstuvwxyz23456789+".utf8)
        let letters = try RandomBytes.generate(20).map { alphabet[Int($0) & 31] }
        return stride(from: 0, to: 20, by: 5).map { String(decoding: letters[$0..<$0 + 5], as: UTF8.self) }.joined(separator: "-")
    }
}

/// Passwords that everybody tries first, as far as they are long enough to be allowed at all, and what they are made of.
enum CommonPasswords {
    private static let words: Set<String> = [
        "password", "passwort", "passw0rd", "p@ssword", "p@ssw0rd", "welcome", "willkommen", "letmein", "changeme", "changeit", "qwerty",
        "qwertyuiop", "qwertz", "qwertzuiop", "azerty", "asdfghjkl", "iloveyou", "administrator", "admin", "root", "toor", "secret", "geheim",
        "football", "baseball", "sunshine", "princess", "superman", "batman", "dragon", "monkey", "trustno", "starwars", "master", "default",
        "holdfast", "keymanager", "correcthorsebatterystaple", "test", "temp", "guest", "login", "hello", "summer", "winter", "spring",
        "autumn", "january", "december", "zxcvbnm", "abcdefgh", "abcdefghijkl", "abcd", "abc", "company", "passphrase", "mypassword",
    ]

    /// Whether a folded password is one such word, or a few repeated, with digits and signs around them; or a single character or a short
    /// run repeated.
    static func contains(_ folded: String) -> Bool {
        let letters = String(String.UnicodeScalarView(folded.unicodeScalars.filter { !("0"..."9").contains($0) && !signs.contains($0) }))
        if letters.isEmpty || words.contains(folded) || words.contains(letters) { return true }
        if Set(folded.unicodeScalars).count < 5 { return true }
        return words.contains { word in
            letters.count.isMultiple(of: word.count) && letters == String(repeating: word, count: letters.count / word.count)
        }
    }

    private static let signs = Set(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".unicodeScalars)
}
