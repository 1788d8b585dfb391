/// In which part somebody calls; the raw value is the word in policies.
package enum CallerKind: String, Sendable, CaseIterable {
    /// A cloud's own service.
    case service
    /// A member of the organisation (or of one that is trusted like it).
    case user
    /// A guest without an account of the cloud.
    case guest
    /// A device that acts for a user.
    case delegate
    /// Another key service.
    case peer
}

/// The parts in which somebody calls: one, but a guest's device is both.
package struct CallerKinds: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// One part alone.
    package init(_ kind: CallerKind) {
        rawValue = switch kind {
        case .service: 1
        case .user: 2
        case .guest: 4
        case .delegate: 8
        case .peer: 16
        }
    }

    /// A cloud's own service.
    package static let service = CallerKinds(.service)
    /// A member of the organisation.
    package static let user = CallerKinds(.user)
    /// A guest.
    package static let guest = CallerKinds(.guest)
    /// A device that acts for a user.
    package static let delegate = CallerKinds(.delegate)
    /// Another key service.
    package static let peer = CallerKinds(.peer)

    /// The words, in the order of declaration.
    package var names: [String] { CallerKind.allCases.filter { contains(CallerKinds($0)) }.map(\.rawValue) }
}
