/// A caller's name, brought once into the form that rules compare: the ASCII letters of an e-mail address are folded to
/// lower case, a subject (a name without `@`) stays as it is.
struct PrincipalName: Sendable {
    /// As the token spells it.
    let given: String
    /// The form that is compared.
    let folded: String
    /// Whether an allow rule may match it: printable ASCII without spaces, at most one `@` and that inside; a Google
    /// service account also in lower case, the only spelling that Google issues.
    let isPlain: Bool

    init(_ given: String) {
        var (hasUpper, ats, isPrintable) = (false, 0, true)
        for byte in given.utf8 {
            if byte >= 0x41 && byte <= 0x5A { hasUpper = true }
            if byte == 0x40 { ats += 1 }
            if byte < 0x21 || byte > 0x7E { isPrintable = false }
        }
        let folded = hasUpper && ats > 0 ? PrincipalName.lowercase(given) : given
        (self.given, self.folded) = (given, folded)
        isPlain =
            isPrintable && !given.isEmpty && ats <= 1 && given.utf8.first != 0x40 && given.utf8.last != 0x40
            && !(hasUpper && folded.hasSuffix(".gserviceaccount.com"))
    }

    /// The text with the letters A to Z in lower case; all else is untouched.
    private static func lowercase(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
