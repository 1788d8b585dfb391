import KeyCore
import TestSupport

@testable import Primitives

/// The keys of everybody who signs tokens in these tests, made once per process.
struct KACLSTestKeys: Sendable {
    let google: TokenTestKey
    let idp: TokenTestKey
    let guests: TokenTestKey
    let admins: TokenTestKey
    let stranger: TokenTestKey

    static let shared = Result { try KACLSTestKeys() }

    private init() throws {
        google = try TokenTestKey("g1", .rs256)
        idp = try TokenTestKey("i1", .rs256)
        guests = try TokenTestKey("v1", .rs256)
        admins = try TokenTestKey("a1", .rs256)
        stranger = try TokenTestKey("s1", .rs256)
    }
}

/// A token to be: its claims in the order of writing, and who signs it.
struct KACLSTestToken: Sendable {
    var claims: [(name: String, value: JSONValue)]
    var header: String?
    var key: TokenTestKey

    /// With one claim changed; nil takes it away.
    func with(_ name: String, _ value: JSONValue?) -> KACLSTestToken {
        var token = self
        token.claims.removeAll { $0.name == name }
        if let value { token.claims.append((name, value)) }
        return token
    }

    /// Signed by somebody else.
    func signed(by key: TokenTestKey) -> KACLSTestToken {
        var token = self
        token.key = key
        return token
    }

    /// With a header as given.
    func header(_ text: String) -> KACLSTestToken {
        var token = self
        token.header = text
        return token
    }

    var text: String { get throws { try key.token(header: header, String(decoding: JSONValue.object(claims).json, as: UTF8.self)) } }
}
