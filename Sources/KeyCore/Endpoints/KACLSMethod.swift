/// What Google Workspace's clients, Google's servers, administrators and other key services ask of a key access service. The raw value is
/// the last segment of the URL's path, and the word in `operations_supported`.
///
/// Source: Google Workspace client-side encryption, API reference.
package enum KACLSMethod: String, Sendable, CaseIterable {
    case status, certs
    case wrap, unwrap
    case delegate
    case privateKeyDecrypt = "privatekeydecrypt"
    case privateKeySign = "privatekeysign"
    case privilegedWrap = "privilegedwrap"
    case privilegedUnwrap = "privilegedunwrap"
    case privilegedPrivateKeyDecrypt = "privilegedprivatekeydecrypt"
    case digest, rewrap
    case wrapPrivateKey = "wrapprivatekey"

    /// The method of a path's last segment; `takeout_unwrap` is Google's older name of `privilegedunwrap`, which its examples still use.
    package init?(segment: some StringProtocol) {
        if segment == "takeout_unwrap" {
            self = .privilegedUnwrap
        } else {
            self.init(rawValue: String(segment))
        }
    }

    /// Its place among all cases, for counting.
    package var position: Int? { KACLSMethod.allCases.firstIndex(of: self) }

    /// Whether it is asked for with GET and without any token.
    package var isPublic: Bool { self == .status || self == .certs }
}
