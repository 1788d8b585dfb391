import Primitives

/// Names that people give: 1 to 128 characters, printable, no space at either end, no line breaks, no look-alike tricks of direction,
/// and no UUID: a name must not be taken for somebody else's id.
package enum EntityName {
    /// Throws `.invalid` with the rule unless `name` is acceptable.
    package static func check(_ name: String) throws(StoreError) {
        guard isAcceptable(name) else {
            throw .invalid(field: "name", expected: "a name of 1 to 128 printable characters without space at its ends, and no UUID")
        }
    }

    /// Whether `name` is acceptable.
    package static func isAcceptable(_ name: String) -> Bool {
        !name.isEmpty && name.unicodeScalars.count <= 128 && name.first?.isWhitespace == false && name.last?.isWhitespace == false
            && name.unicodeScalars.allSatisfy { scalar in
                switch scalar.properties.generalCategory {
                case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
                default: true
                }
            }
            && UUIDBytes(name) == nil
    }
}
