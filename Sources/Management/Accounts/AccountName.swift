import Foundation
package import KeyCore
import Primitives

/// The name of a user or a group, brought to one form where it comes in (N34, N35).
///
/// Two names that differ only in case, width, composition or surrounding space are the same name. What is stored, compared and counted is
/// `canonical`; `written` is only shown.
package struct AccountName: Sendable, Hashable {
    /// As given, without space at its ends, in normalisation form KC.
    package let written: String
    /// Folded: what the name is found by.
    package let canonical: String

    /// Any text, as somebody types it who signs in; it need not be acceptable as a new name.
    package init(typed text: String) {
        written = AccountName.normalised(text)
        // Upper case first: that folds ß and SS, and every sigma, to one form (Unicode 15, 3.13, toCasefold, as far as letters go).
        canonical = AccountName.normalised(written.uppercased().lowercased())
    }

    /// A name for somebody new.
    /// - Throws: `.invalid` unless it consists of letters of one script, digits and single `.`, `_`, `-`, `@`, `+`, space between them, and
    ///   can't be read as a Latin name that it isn't.
    package init(new text: String, field: String = "name") throws(StoreError) {
        self.init(typed: text)
        guard text.unicodeScalars.count <= 128, (1...64).contains(canonical.unicodeScalars.count), UUIDBytes(canonical) == nil,
            AccountName.isWellFormed(canonical)
        else {
            throw .invalid(
                field: field, expected: "1 to 64 letters and digits, with single . _ - @ + or space between them, and no UUID")
        }
        guard Script.isUnmistakable(canonical) else {
            throw .invalid(field: field, expected: "letters of one script, and none that look like those of another")
        }
    }

    /// The form in which names that look alike are equal (after Unicode TR 39, 4): no two accounts may share it.
    package var skeleton: String {
        var skeleton = ""
        for scalar in canonical.decomposedStringWithCompatibilityMapping.unicodeScalars {
            switch scalar {
            case "i", "ı", "1", "|": skeleton += "l"
            case "0": skeleton += "o"
            case "m": skeleton += "rn"
            case "w": skeleton += "vv"
            default: skeleton.unicodeScalars.append(scalar)
            }
        }
        return skeleton
    }

    private static func normalised(_ text: String) -> String {
        text.precomposedStringWithCompatibilityMapping.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Letters, their marks and digits, with single separators between; a space may follow a dot.
    private static func isWellFormed(_ text: String) -> Bool {
        var separator: Unicode.Scalar? = " "
        for scalar in text.unicodeScalars {
            if "._-@+ ".unicodeScalars.contains(scalar) {
                guard separator == nil || (separator == "." && scalar == " ") else { return false }
                separator = scalar
            } else {
                switch scalar.properties.generalCategory {
                case .uppercaseLetter, .lowercaseLetter, .otherLetter, .decimalNumber: break
                case .nonspacingMark, .spacingMark: if separator != nil { return false }
                default: return false
                }
                separator = nil
            }
        }
        return separator == nil
    }
}
