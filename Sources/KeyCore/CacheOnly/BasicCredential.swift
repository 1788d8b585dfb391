package import Primitives

/// A user with a password as we keep it: not the password, but its digest.
///
/// The passwords are ours, 256 random bits, so they need no slow hash and no key: nobody can try them all, and a stolen database or backup
/// opens nothing. What is presented is never compared itself: its digest is, in constant time, with each one of the endpoint (N33). The
/// endpoint's id is under the digest: one that somebody moves to another endpoint in the database matches nothing there.
package struct BasicCredential: Sendable, Equatable {
    /// Names it to administrators; tells nothing of the password.
    package let id: String
    /// Who logs in.
    package let user: String
    /// SHA-256 over endpoint, user and password, 32 bytes.
    package let digest: [UInt8]
    package let createdAt: Instant

    /// A credential as given.
    package init(id: String, user: String, digest: [UInt8], createdAt: Instant) {
        (self.id, self.user, self.digest, self.createdAt) = (id, user, digest, createdAt)
    }

    /// A new password of 43 characters, and its credential. The password is shown once and kept nowhere.
    package static func generate(
        user: String, at endpoint: EndpointID, now: Instant
    ) throws(StoreError) -> (credential: BasicCredential, password: String) {
        guard isUser(user) else { throw .invalid(field: "salesforce/authentication/basic/user", expected: userRule) }
        do {
            let password = Base64.urlEncoded(try SecretBytes(randomCount: 32).exposedCopy())
            let digest = digest(Array(user.utf8), Array(password.utf8), endpoint)
            return (BasicCredential(id: try UUIDBytes.random().description, user: user, digest: digest, createdAt: now), password)
        } catch { throw StoreError(any: error) }
    }

    /// What a user may be called, for people.
    package static let userRule = "1 to 128 printable ASCII characters without space and colon"

    /// Whether a user may be called so.
    package static func isUser(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
    }

    /// The credential that user and password belong to, if it is one of the endpoint's.
    /// - Parameter presented: `user:password`, as it stands in the header (RFC 7617, 2).
    package static func recognise(
        _ presented: [UInt8], among credentials: [BasicCredential], at endpoint: EndpointID
    ) -> BasicCredential? {
        let colon = presented.firstIndex(of: 0x3A) ?? presented.endIndex
        let found = digest(Array(presented[..<colon]), Array(presented[min(colon + 1, presented.endIndex)...]), endpoint)
        var recognised: BasicCredential?
        // Each one is looked at, whichever fits: the time tells nothing.
        for credential in credentials where ConstantTime.isEqual(credential.digest, found) { recognised = credential }
        return colon == presented.endIndex ? nil : recognised
    }

    private static func digest(_ user: [UInt8], _ password: [UInt8], _ endpoint: EndpointID) -> [UInt8] {
        var message = Array("holdfast/basic/2".utf8) + endpoint.bytes.array
        for part in [user, password] {
            message.append(contentsOf: [UInt8(truncatingIfNeeded: part.count >> 8), UInt8(truncatingIfNeeded: part.count)])
            message.append(contentsOf: part)
        }
        defer { message.wipe() }
        return Digest.sha256(message)
    }
}
