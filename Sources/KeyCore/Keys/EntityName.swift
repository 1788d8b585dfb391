import Primitives

/// Names that people give: 1 to 128 characters, printable, no space at either end, no line breaks, no look-alike tricks of direction,
/// and no UUID: a name must not be taken for somebody else's id.
package enum EntityName {
    /// Throws `.refused` with the rule unless `name` is acceptable.
    package static func check(_ name: String) throws(StoreError) {
        let isFine = !name.isEmpty && name.unicodeScalars.count <= 128 && name.first?.isWhitespace == false
            && name.last?.isWhitespace == false
            && name.unicodeScalars.allSatisfy { scalar in
                switch scalar.properties.generalCategory {
                case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
                default: true
                }
            }
            && UUIDBytes(name) == nil
        guard isFine else { throw .refused("expected a name of 1 to 128 printable characters without space at its ends, and no UUID") }
    }
}
