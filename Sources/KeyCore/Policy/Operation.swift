/// What a caller asks a key to do; the raw value is the word in policies, audit records and metrics.
package enum Operation: String, Sendable, CaseIterable {
    /// Wrap a data key under the key.
    case wrap
    /// Unwrap a data key.
    case unwrap
    /// Encrypt data under the key.
    case encrypt
    /// Decrypt data.
    case decrypt
    /// Sign a digest (Google EKM: `asymmetricSign`).
    case sign
    /// Read the public half of an asymmetric key.
    case getPublicKey
    /// Create a key at a cloud's request (coordinated external keys).
    case createKey
    /// Destroy a key at a cloud's request.
    case destroyKey
    /// Ask what would be permitted (Google EKM: `checkCryptoSpacePermissions`).
    case checkPermissions
    /// Wrap on an administrator's behalf, as in a bulk import (Workspace CSE).
    case privilegedWrap
    /// Unwrap on an administrator's behalf, as in a takeout (Workspace CSE).
    case privilegedUnwrap
    /// Compute a resource key's hash (Workspace CSE).
    case digest
    /// Take over a data key from another key service (Workspace CSE).
    case rewrap
    /// Wrap a user's private key (Workspace CSE).
    case wrapPrivateKey
    /// Sign with a user's wrapped private key (Workspace CSE).
    case privateKeySign
    /// Decrypt with a user's wrapped private key (Workspace CSE).
    case privateKeyDecrypt
    /// Decrypt with a user's wrapped private key on an administrator's behalf (Workspace CSE).
    case privilegedPrivateKeyDecrypt
    /// Hand out key material to a cache (Salesforce cache-only keys).
    case fetchKey
    /// Hand out key material to an administrator, wrapped under a public key.
    case exportKey
    /// Let a device act for a user (Workspace CSE).
    case delegate

    /// Whether it makes a blob under the key.
    package var wraps: Bool {
        switch self {
        case .wrap, .privilegedWrap, .rewrap, .wrapPrivateKey: true
        default: false
        }
    }

    /// Whether it opens a blob that was made under the key.
    package var unwraps: Bool {
        switch self {
        case .unwrap, .privilegedUnwrap, .digest, .privateKeySign, .privateKeyDecrypt, .privilegedPrivateKeyDecrypt: true
        default: false
        }
    }
}

/// A set of operations in one word.
struct OperationSet: Sendable, Equatable {
    private var mask: UInt32 = 0

    /// The operations of a list.
    init(_ operations: some Sequence<Operation>) {
        for operation in operations { mask |= OperationSet.bit(operation) }
    }

    /// Every operation there is.
    static let any = OperationSet(Operation.allCases)

    func contains(_ operation: Operation) -> Bool { mask & OperationSet.bit(operation) != 0 }

    /// The words, in the order of declaration.
    var names: [String] { Operation.allCases.filter(contains).map(\.rawValue) }

    private static func bit(_ operation: Operation) -> UInt32 { 1 << UInt32(operation.ordinal) }
}

extension Operation {
    /// The place in the order of declaration, below 32.
    fileprivate var ordinal: Int {
        switch self {
        case .wrap: 0
        case .unwrap: 1
        case .encrypt: 2
        case .decrypt: 3
        case .sign: 4
        case .getPublicKey: 5
        case .createKey: 6
        case .destroyKey: 7
        case .checkPermissions: 8
        case .privilegedWrap: 9
        case .privilegedUnwrap: 10
        case .digest: 11
        case .rewrap: 12
        case .wrapPrivateKey: 13
        case .privateKeySign: 14
        case .privateKeyDecrypt: 15
        case .privilegedPrivateKeyDecrypt: 16
        case .fetchKey: 17
        case .exportKey: 18
        case .delegate: 19
        }
    }
}
