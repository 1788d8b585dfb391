/// Why Google asks: the twelve codes of Key Access Justifications, and the two cases in which there is no code.
///
/// Source: Cloud KMS v1 discovery document, `AccessReason`.
package enum Justification: Sendable, Hashable {
    /// 0: no reason available.
    case reasonUnspecified
    /// 1: support acting on a customer's ticket.
    case customerInitiatedSupport
    /// 2: system management and troubleshooting which Google began.
    case googleInitiatedService
    /// 3: Google answering a legal request.
    case thirdPartyDataRequest
    /// 4: a review for security, fraud, abuse or compliance.
    case googleInitiatedReview
    /// 5: the customer, or somebody the customer permitted, uses the data.
    case customerInitiatedAccess
    /// 6: Google's systems optimise structure or quality: indexing, sharding, backup.
    case googleInitiatedSystemOperation
    /// 7: the calling service gives no reasons.
    case reasonNotExpected
    /// 8: as 5, soon after an administrator at Google reset the organisation's super user. Deprecated.
    case modifiedCustomerInitiatedAccess
    /// 9: as 6 under the same condition. Deprecated.
    case modifiedGoogleInitiatedSystemOperation
    /// 10: Google keeps its systems reliable.
    case googleResponseToProductionAlert
    /// 11: 1, 5, 6 or reliability, when a fault prevented a more precise code.
    case customerAuthorizedWorkflowServicing
    /// The request carries no reason at all.
    case missing
    /// The request carries a reason that is not among the twelve; its text is for the audit.
    case unknown(String)

    /// The twelve codes; the index is the number.
    package static let codes: [Justification] = [
        .reasonUnspecified, .customerInitiatedSupport, .googleInitiatedService, .thirdPartyDataRequest,
        .googleInitiatedReview, .customerInitiatedAccess, .googleInitiatedSystemOperation, .reasonNotExpected,
        .modifiedCustomerInitiatedAccess, .modifiedGoogleInitiatedSystemOperation,
        .googleResponseToProductionAlert, .customerAuthorizedWorkflowServicing,
    ]

    private static let byName = Dictionary(uniqueKeysWithValues: codes.map { ($0.name, $0) })

    /// The code of that name, as `CUSTOMER_INITIATED_ACCESS`; any other text becomes `.unknown` with its first 64
    /// printable ASCII characters.
    package init(name: String) {
        self = Justification.byName[name] ?? .unknown(Justification.printable(name))
    }

    /// The code of that number, 0 to 11; any other becomes `.unknown` with the number as text.
    package init(number: Int) {
        self = Justification.codes.indices.contains(number) ? Justification.codes[number] : .unknown(String(number))
    }

    /// Google's number; nil for `.missing` and `.unknown`.
    package var number: Int? { bit < 12 ? Int(bit) : nil }

    /// Google's name; `missing`; or the unknown text itself.
    package var name: String {
        switch self {
        case .reasonUnspecified: "REASON_UNSPECIFIED"
        case .customerInitiatedSupport: "CUSTOMER_INITIATED_SUPPORT"
        case .googleInitiatedService: "GOOGLE_INITIATED_SERVICE"
        case .thirdPartyDataRequest: "THIRD_PARTY_DATA_REQUEST"
        case .googleInitiatedReview: "GOOGLE_INITIATED_REVIEW"
        case .customerInitiatedAccess: "CUSTOMER_INITIATED_ACCESS"
        case .googleInitiatedSystemOperation: "GOOGLE_INITIATED_SYSTEM_OPERATION"
        case .reasonNotExpected: "REASON_NOT_EXPECTED"
        case .modifiedCustomerInitiatedAccess: "MODIFIED_CUSTOMER_INITIATED_ACCESS"
        case .modifiedGoogleInitiatedSystemOperation: "MODIFIED_GOOGLE_INITIATED_SYSTEM_OPERATION"
        case .googleResponseToProductionAlert: "GOOGLE_RESPONSE_TO_PRODUCTION_ALERT"
        case .customerAuthorizedWorkflowServicing: "CUSTOMER_AUTHORIZED_WORKFLOW_SERVICING"
        case .missing: "missing"
        case .unknown(let text): text
        }
    }

    /// The place in a set: the number, or 12 for missing and 13 for unknown.
    fileprivate var bit: UInt16 {
        switch self {
        case .reasonUnspecified: 0
        case .customerInitiatedSupport: 1
        case .googleInitiatedService: 2
        case .thirdPartyDataRequest: 3
        case .googleInitiatedReview: 4
        case .customerInitiatedAccess: 5
        case .googleInitiatedSystemOperation: 6
        case .reasonNotExpected: 7
        case .modifiedCustomerInitiatedAccess: 8
        case .modifiedGoogleInitiatedSystemOperation: 9
        case .googleResponseToProductionAlert: 10
        case .customerAuthorizedWorkflowServicing: 11
        case .missing: 12
        case .unknown: 13
        }
    }

    private static func printable(_ text: String) -> String {
        String(decoding: text.utf8.lazy.filter { $0 >= 0x20 && $0 < 0x7F }.prefix(64), as: UTF8.self)
    }
}

/// A set of justifications in one word; all unknown ones are one member.
struct JustificationSet: Sendable, Equatable {
    private var mask: UInt16 = 0

    /// The empty set.
    init() {}

    /// Every code, `missing` and `unknown`.
    static let any: JustificationSet = {
        var set = JustificationSet()
        set.mask = 0x3FFF
        return set
    }()

    mutating func insert(_ justification: Justification) { mask |= 1 << justification.bit }

    func contains(_ justification: Justification) -> Bool { mask & 1 << justification.bit != 0 }

    /// The words that a policy uses, in the order of their numbers.
    var names: [String] {
        Justification.codes.filter(contains).map(\.name)
            + (contains(.missing) ? ["missing"] : []) + (contains(.unknown("")) ? ["unknown"] : [])
    }
}
