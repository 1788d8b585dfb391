/// What Salesforce's callout check says of an answer, by its names (reference: Cache-Only Key Service, "Troubleshoot Cache-Only Keys" and the
/// platform event `RemoteKeyCalloutEvent`; the names marked ‡ are recalled, not read).
package enum CalloutVerdict: String, Sendable, CaseIterable {
    case success = "SUCCESS"
    /// We took the caller for nobody.
    case authenticationFailure = "AUTHENTICATION_FAILURE_RESPONSE"
    /// 404: the key is destroyed on purpose.
    case destroyCode = "DESTROY_HTTP_CODE"
    case emptyResponse = "EMPTY_RESPONSE"
    /// Any other status but 200.
    case errorCode = "ERROR_HTTP_CODE"
    /// The header has a member besides `alg`, `enc`, `kid` and `jti`.
    case illegalParameters = "ILLEGAL_PARAMETERS_IN_JWE_HEADER"
    /// ‡
    case missingParameters = "MISSING_PARAMETERS_IN_JWE_HEADER"
    case incorrectAlgorithm = "INCORRECT_ALGORITHM_IN_JWE_HEADER"
    /// ‡ from `_ALGORITHM` on
    case incorrectEncryption = "INCORRECT_ENCRYPTION_ALGORITHM_IN_JWE_HEADER"
    case incorrectKeySize = "INCORRECT_DATA_ENCRYPTION_KEY_SIZE"
    /// ‡
    case incorrectOuterKeyID = "INCORRECT_KEYID_IN_JSON"
    /// ‡
    case incorrectKeyID = "INCORRECT_KEYID_IN_JWE_HEADER"
    /// ‡
    case malformedContentKey = "MALFORMED_CONTENT_ENCRYPTION_KEY"
    /// ‡
    case malformedKey = "MALFORMED_DATA_ENCRYPTION_KEY"
    /// ‡
    case malformedJSON = "MALFORMED_JSON_RESPONSE"
    /// ‡
    case malformedJWE = "MALFORMED_JWE_RESPONSE"
    /// ‡
    case replay = "POTENTIAL_REPLAY_ATTACK_DETECTED"
    /// ‡
    case timeout = "RESPONSE_TIMEOUT"
    /// ‡
    case unknown = "UNKNOWN_ERROR"
}
