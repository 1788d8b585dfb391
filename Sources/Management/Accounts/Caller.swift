import KeyCore
package import Primitives

/// Names a user.
package struct UserID: UniqueID {
    package let bytes: UUIDBytes
    package init(bytes: UUIDBytes) { self.bytes = bytes }
}

/// Who asks the management API, as the authenticator has found out.
package struct Caller: Sendable {
    /// What proves who it is.
    package enum Proof: Sendable, Equatable {
        /// Nothing.
        case none
        /// A session, by its id.
        case session(String)
        /// An API token, by its id.
        case token(String)
        /// A client certificate, by the SHA-256 of its DER, in hexadecimal.
        case certificate(String)
        /// The server's own socket in the data folder, which only its system user can open.
        case localSocket
    }

    /// The user's account; nil for the local socket and for nobody.
    package let userID: UserID?
    /// As it stands in the audit: `user:alice`, `local:root`, `anonymous`.
    package let name: String
    package let proof: Proof
    /// The groups' names.
    package let groups: Set<String>
    /// What it may do everywhere.
    package let permissions: Set<Permission>
    /// What it may do on single things, by their ids; each permission tells the kind of thing.
    package let grants: [Permission: Set<String>]
    /// Whether it can do nothing but change its password.
    package let mustChangePassword: Bool

    /// A caller as given.
    package init(
        userID: UserID?, name: String, proof: Proof, groups: Set<String> = [], permissions: Set<Permission>,
        grants: [Permission: Set<String>] = [:], mustChangePassword: Bool = false
    ) {
        (self.userID, self.name, self.proof, self.groups) = (userID, name, proof, groups)
        (self.permissions, self.grants, self.mustChangePassword) = (permissions, grants, mustChangePassword)
    }

    /// Nobody.
    package static let anonymous = Caller(userID: nil, name: "anonymous", proof: .none, permissions: [])

    /// Whoever can open the server's socket: it could read the root key as well, so it may do everything.
    package static func local(_ systemUser: String) -> Caller {
        Caller(
            userID: nil, name: "local:\(systemUser)", proof: .localSocket, groups: Set(SystemGroup.allCases.map(\.rawValue)),
            permissions: Set(Permission.allCases))
    }

    /// Whether it may do this on that thing; nil asks for everywhere.
    package func may(_ permission: Permission, on resource: String? = nil) -> Bool {
        permissions.contains(permission) || resource.map { grants[permission]?.contains($0) == true } ?? false
    }
}
