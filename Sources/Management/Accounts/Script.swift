/// The scripts from which names may be written: enough of Unicode's Scripts.txt to see a name that mixes them.
enum Script: Hashable {
    case latin, greek, cyrillic, armenian, hebrew, arabic, devanagari, thai, georgian, hangul, japanese, han

    /// The script of a letter; nil for digits, marks and punctuation, which belong to all. Letters of scripts that aren't listed have no
    /// place in a name: `isKnown`.
    private static func of(_ scalar: Unicode.Scalar) -> Script? {
        switch scalar.value {
        case 0x41...0x5A, 0x61...0x7A, 0xC0...0xD6, 0xD8...0xF6, 0xF8...0x17F, 0x1CD...0x1DC, 0x1E00...0x1EFF: .latin
        case 0x386...0x3FF, 0x1F00...0x1FFF: .greek
        case 0x400...0x52F: .cyrillic
        case 0x531...0x587: .armenian
        case 0x5D0...0x5EA: .hebrew
        case 0x620...0x64A, 0x671...0x6D3: .arabic
        case 0x904...0x939, 0x958...0x961: .devanagari
        case 0xE01...0xE30, 0xE32...0xE33, 0xE40...0xE46: .thai
        case 0x10D0...0x10FA: .georgian
        case 0x1100...0x11FF, 0xAC00...0xD7A3: .hangul
        case 0x3041...0x3096, 0x30A1...0x30FA: .japanese
        case 0x3005, 0x3400...0x4DBF, 0x4E00...0x9FFF: .han
        default: nil
        }
    }

    /// Letters of other scripts that stand for a Latin one to the eye, in lower or upper case (from Unicode's confusables.txt), folded.
    private static let latinLookAlikes = Set("авеёзікмнорсԛѕтухјһԁԝѵαβγεζηικμνορτυχωϲϳօոսցհ".unicodeScalars)

    /// Whether a folded name is of one script (Japanese may use Han), with its own digits or ASCII's, and can't be taken for a Latin one.
    static func isUnmistakable(_ name: String) -> Bool {
        var scripts: Set<Script> = []
        var isLookAlike = true
        for scalar in name.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .otherLetter:
                guard let script = of(scalar) else { return false }
                scripts.insert(script)
                if !latinLookAlikes.contains(scalar) { isLookAlike = false }
            case .decimalNumber: if !scalar.isASCII { return false }
            default: break
            }
        }
        if scripts == [.japanese, .han] { return true }
        return scripts.count <= 1 && (scripts.isEmpty || scripts == [.latin] || !isLookAlike)
    }
}
