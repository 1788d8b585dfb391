import CJWT

/// libjwt as a second opinion on the tokens that our tests sign: for tests only.
package enum TokenSecondOpinion {
    /// Whether libjwt 1.10 finds the signature right; it looks at no claim.
    package static func accepts(_ token: String, publicKeyPEM: String) -> Bool {
        var decoded: OpaquePointer?
        let key = Array(publicKeyPEM.utf8)
        let result = jwt_decode(&decoded, token, key, CInt(key.count))
        if let decoded { jwt_free(decoded) }
        return result == 0
    }
}
