import KeyCore
package import Primitives

/// Names a group.
package struct GroupID: UniqueID {
    package let bytes: UUIDBytes
    package init(bytes: UUIDBytes) { self.bytes = bytes }
}

/// Names a grant.
package struct GrantID: UniqueID {
    package let bytes: UUIDBytes
    package init(bytes: UUIDBytes) { self.bytes = bytes }
}

/// Names a session; it is no secret.
package struct SessionID: UniqueID {
    package let bytes: UUIDBytes
    package init(bytes: UUIDBytes) { self.bytes = bytes }
}

/// Names an API token; it is no secret.
package struct APITokenID: UniqueID {
    package let bytes: UUIDBytes
    package init(bytes: UUIDBytes) { self.bytes = bytes }
}

/// Names an OpenID provider.
package struct OIDCProviderID: UniqueID {
    package let bytes: UUIDBytes
    package init(bytes: UUIDBytes) { self.bytes = bytes }
}

extension SystemGroup {
    /// Its id, the same in every installation (see `Schema.accounts`).
    package var id: GroupID {
        let number = UInt8((SystemGroup.allCases.firstIndex(of: self) ?? 0) + 1)
        return GroupID(bytes: UUIDBytes([0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, number])!)
    }

    /// The group of that id; nil if it is a custom one.
    init?(id: String) {
        guard let group = SystemGroup.allCases.first(where: { $0.id.description == id }) else { return nil }
        self = group
    }
}
