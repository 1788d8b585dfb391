/// A whole JSON document in memory: for what is read rarely (token claims, key sets, records) and must be strict.
package enum JSONValue: Sendable, Equatable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number written without fraction and exponent that fits 64 bits.
    case integer(Int64)
    /// Any other number.
    case real(Double)
    /// A string.
    case string(String)
    /// An array.
    case array([JSONValue])
    /// An object's members in their order; their names are distinct.
    case object([(name: String, value: JSONValue)])

    /// Why a document is refused.
    package enum Failure: Error, Equatable {
        /// Not JSON, or nested too deep.
        case malformed(JSONScanner.Failure)
        /// A member that occurs twice.
        case duplicate(String)
        /// A string that is not valid UTF-8 or holds an invalid escape.
        case text
        /// A number that no 64-bit integer or double holds.
        case number
    }

    /// Parses one document; a member name that occurs twice in an object is refused, whatever its case elsewhere.
    package init(parsing bytes: [UInt8], maxDepth: Int = 16) throws(Failure) {
        var scanner = JSONScanner(bytes, maxDepth: maxDepth)
        self = try JSONValue(reading: &scanner)
        do { try scanner.endDocument() } catch { throw .malformed(error) }
    }

    /// The member of that name; nil if there is none or this is no object.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The string, if it is one.
    package var string: String? { if case .string(let value) = self { value } else { nil } }

    /// The integer, if it is one.
    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }

    /// The boolean, if it is one.
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The elements, if it is an array.
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

    /// The members, if it is an object.
    package var object: [(name: String, value: JSONValue)]? { if case .object(let value) = self { value } else { nil } }

    /// Equal values; an object's members may stand in another order.
    package static func == (a: JSONValue, b: JSONValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.real(let a), .real(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.object(let members), .object(let others)):
            members.count == others.count && members.allSatisfy { member in b[member.name] == member.value }
        default: false
        }
    }

    private init(reading scanner: inout JSONScanner) throws(Failure) {
        do {
            switch try scanner.peek() {
            case .null:
                _ = try scanner.skipNull()
                self = .null
            case .bool: self = .bool(try scanner.bool())
            case .number: self = try JSONValue(number: try scanner.number())
            case .string: self = .string(try JSONValue.string(try scanner.text(), in: scanner))
            case .array:
                try scanner.beginArray()
                var elements: [JSONValue] = []
                while try scanner.nextElement() { elements.append(try JSONValue(reading: &scanner)) }
                self = .array(elements)
            case .object: self = .object(try JSONValue.members(&scanner))
            }
        } catch let error as JSONScanner.Failure {
            throw .malformed(error)
        } catch let error as Failure {
            throw error
        } catch {
            throw .text
        }
    }

    private static func members(_ scanner: inout JSONScanner) throws -> [(name: String, value: JSONValue)] {
        try scanner.beginObject()
        var members: [(name: String, value: JSONValue)] = []
        var names: Set<String> = []
        while let text = try scanner.nextMember() {
            let name = try string(text, in: scanner)
            guard names.insert(name).inserted else { throw Failure.duplicate(name) }
            members.append((name, try JSONValue(reading: &scanner)))
        }
        return members
    }

    private static func string(_ text: JSONScanner.Text, in scanner: JSONScanner) throws(Failure) -> String {
        guard let string = scanner.string(text) else { throw .text }
        return string
    }

    private init(number: ArraySlice<UInt8>) throws(Failure) {
        let text = String(decoding: number, as: UTF8.self)
        if let integer = Int64(text) {
            self = .integer(integer)
        } else if let real = Double(text), real.isFinite {
            self = .real(real)
        } else {
            throw .number
        }
    }
}
