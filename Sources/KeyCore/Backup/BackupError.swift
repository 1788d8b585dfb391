/// Why a backup can't be made, read or restored. `description` says what was expected, what was found, what to do.
package enum BackupError: Error, Equatable, CustomStringConvertible {
    /// It is no backup, or of a format or schema that this version doesn't know.
    case unreadable(String)
    /// It was cut, changed, or put together from pieces.
    case damaged(String)
    /// The passphrase or private key doesn't open it, or can't be used.
    case locked(String)
    /// What was asked for isn't possible, or not now.
    case refused(String)
    /// The confirmation is missing, or is of another plan than the present one.
    case unconfirmed(String)

    package var description: String {
        switch self {
        case .unreadable(let text), .damaged(let text), .locked(let text), .refused(let text), .unconfirmed(let text): text
        }
    }
}
