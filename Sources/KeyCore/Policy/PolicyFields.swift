import Primitives

/// How each field of a policy is read. Lists are never empty: nothing written down never means everything.
enum PolicyFields {
    // MARK: Shapes

    /// The member of that name.
    @discardableResult
    static func required(
        _ name: String, _ members: [String: StrictDocument], in document: StrictDocument
    ) throws(DocumentError) -> StrictDocument {
        guard let member = members[name], !member.isNull else { throw missing(name, in: members[name] ?? document) }
        return member
    }

    private static func missing(_ name: String, in document: StrictDocument) -> DocumentError {
        let hint =
            switch name {
            case "principals": "expected “principals”: e-mail addresses, subjects, domain:… or patterns; an allow rule without them is refused"
            case "operations": "expected “operations”: a list of operations, or any"
            case "justifications": "expected “justifications”: a list of codes, missing, unknown; or any"
            default: "expected the field “\(name)”"
            }
        return document.error(hint)
    }

    /// The elements of a list that has some.
    static func list(_ document: StrictDocument, of what: String) throws(DocumentError) -> [StrictDocument] {
        let elements = try document.elements()
        guard !elements.isEmpty else { throw document.error("expected at least one of \(what); an empty list permits nothing and is not accepted") }
        return elements
    }

    /// Texts, each not empty but for quoted ones.
    static func texts(_ document: StrictDocument) throws(DocumentError) -> [String] {
        var texts: [String] = []
        for element in try list(document, of: "texts") { texts.append(try text(element, atMost: 256)) }
        return texts
    }

    /// A list whose elements are made from texts.
    private static func list<T>(
        _ document: StrictDocument, of what: String, _ make: (String) throws(Complaint) -> T
    ) throws(DocumentError) -> [T] {
        var values: [T] = []
        for element in try list(document, of: what) {
            let text = try element.string()
            do { values.append(try make(text)) } catch { throw element.error(error.message) }
        }
        return values
    }

    /// A text of at most so many bytes of UTF-8.
    private static func text(_ document: StrictDocument, atMost count: Int) throws(DocumentError) -> String {
        let text = try document.string()
        guard text.utf8.count <= count, !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw document.error("expected at most \(count) bytes of text without control characters")
        }
        return text
    }

    private static func isAny(_ document: StrictDocument) throws(DocumentError) -> Bool {
        guard document.isScalar else { return false }
        guard try document.string() == "any" else { throw document.error("expected a list, or the word any") }
        return true
    }

    // MARK: Fields

    static func version(_ document: StrictDocument?, in parent: StrictDocument) throws(DocumentError) {
        guard let document else { throw parent.error("expected “version: 1”") }
        _ = try document.integer(in: 1...1)
    }

    static func name(_ document: StrictDocument?, in parent: StrictDocument) throws(DocumentError) -> String {
        guard let document else { throw parent.error("expected the field “name”") }
        let name = try text(document, atMost: 128)
        guard !name.isEmpty else { throw document.error("expected a name, found an empty text") }
        return name
    }

    static func effect(_ document: StrictDocument?, in parent: StrictDocument) throws(DocumentError) -> PolicyRule.Effect {
        guard let document else { throw parent.error("expected “effect: allow” or “effect: deny”") }
        guard let effect = PolicyRule.Effect(rawValue: try document.string()) else { throw document.error("expected allow or deny") }
        return effect
    }

    static func operation(_ text: String) throws(Complaint) -> Operation {
        guard let operation = Operation(rawValue: text) else {
            throw Complaint("expected one of \(Operation.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return operation
    }

    static func operations(_ document: StrictDocument) throws(DocumentError) -> OperationSet {
        try isAny(document) ? .any : OperationSet(try list(document, of: "operations", operation))
    }

    static func principals(_ document: StrictDocument) throws(DocumentError) -> PrincipalSet {
        PrincipalSet(try list(document, of: "principals") { (text) throws(Complaint) in (text, try Principal(text)) })
    }

    static func justification(_ text: String) throws(Complaint) -> Justification {
        switch text {
        case "missing": return .missing
        case "unknown": return .unknown("unknown")
        default:
            let justification = Justification(name: text)
            guard justification.number != nil else {
                throw Complaint("expected one of \(Justification.codes.map(\.name).joined(separator: ", ")), missing, unknown")
            }
            return justification
        }
    }

    static func justifications(_ document: StrictDocument) throws(DocumentError) -> JustificationSet {
        if try isAny(document) { return .any }
        var set = JustificationSet()
        for justification in try list(document, of: "justifications", justification) { set.insert(justification) }
        return set
    }

    static func resources(_ document: StrictDocument) throws(DocumentError) -> [Glob] {
        try list(document, of: "resource names or patterns") { (text) throws(Complaint) in
            guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw Complaint("expected a resource name or pattern without control characters")
            }
            return try Glob(text, separator: 0x2F, allowsDeep: true)
        }
    }

    static func networks(_ document: StrictDocument) throws(DocumentError) -> [IPNetwork] {
        try list(document, of: "networks") { (text) throws(Complaint) in try IPNetwork(text) }
    }

    static func obligations(_ document: StrictDocument) throws(DocumentError) -> Obligations {
        Obligations(
            try list(document, of: "obligations") { (text) throws(Complaint) in
                guard let word = Obligations.words.first(where: { $0.name == text }) else {
                    throw Complaint("expected one of \(Obligations.words.map(\.name).joined(separator: ", "))")
                }
                return word.value
            })
    }

    static func attestation(_ document: StrictDocument) throws(DocumentError) -> AttestationCondition {
        let members = try document.members(["required", "confidential", "zones", "projects", "instances"])
        var condition = AttestationCondition()
        condition.isRequired = try members["required"]?.bool() ?? true
        condition.confidential = try members["confidential"]?.bool()
        if let zones = members["zones"] { condition.zones = try texts(zones) }
        if let projects = members["projects"] { condition.projects = try texts(projects) }
        if let instances = members["instances"] { condition.instances = try texts(instances) }
        guard members.keys.contains(where: { $0 != "required" }) else {
            throw document.error("expected at least one of confidential, zones, projects, instances")
        }
        return condition
    }

    // MARK: Times

    static func times(_ document: StrictDocument) throws(DocumentError) -> [TimeWindow] {
        var windows: [TimeWindow] = []
        for element in try list(document, of: "time windows") { windows.append(try window(element)) }
        return windows
    }

    private static func window(_ document: StrictDocument) throws(DocumentError) -> TimeWindow {
        let members = try document.members(["zone", "days", "from", "to"])
        let zone = try required("zone", members, in: document).string()
        var days: UInt8 = 0x7F
        if let list = members["days"] {
            days = 0
            for mask in try self.list(list, of: "days", self.days) { days |= mask }
        }
        let from = try minutes(try required("from", members, in: document), 0...1439)
        let to = try minutes(try required("to", members, in: document), 1...1440)
        do { return try TimeWindow(zone: zone, days: days, from: from, to: to) } catch { throw document.error(error.message) }
    }

    private static func minutes(_ document: StrictDocument, _ range: ClosedRange<Int>) throws(DocumentError) -> Int {
        guard let minutes = TimeWindow.minutes(try document.string()), range.contains(minutes) else {
            throw document.error("expected a time such as 07:30\(range.contains(1440) ? ", at most 24:00" : ", before 24:00")")
        }
        return minutes
    }

    /// The days that `mon` or `mon-fri` means; a range may wrap around, as `sat-mon`.
    private static func days(_ text: String) throws(Complaint) -> UInt8 {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { end in TimeWindow.dayNames.firstIndex(of: String(end)) }
        guard ends.count <= 2, let first = ends.first.flatMap({ $0 }), let last = ends.last.flatMap({ $0 }) else {
            throw Complaint("expected a day (\(TimeWindow.dayNames.joined(separator: ", "))) or a range such as mon-fri")
        }
        return (0...(last - first + 7) % 7).reduce(0) { $0 | 1 << UInt8((first + $1) % 7) }
    }
}
