package import Primitives

/// What a key is for; it is not used for anything else.
package enum KeyPurpose: String, Sendable, CaseIterable {
    /// Wraps other keys: Google EKM, KACLS.
    case wrap
    /// Signs.
    case sign
    /// Carries material to a cloud (BYOK).
    case transport
    /// Is handed out to a cache-only service (Salesforce).
    case cacheOnly = "cache-only"
}

/// What a key's material is.
package enum KeyAlgorithm: String, Sendable, CaseIterable {
    case aes256 = "AES-256"
    case rsa2048 = "RSA-2048"
    case rsa3072 = "RSA-3072"
    case rsa4096 = "RSA-4096"
    case p256 = "EC-P256"
    case p384 = "EC-P384"

    /// Whether a key for `purpose` can be of this kind.
    package func serves(_ purpose: KeyPurpose) -> Bool {
        switch purpose {
        case .wrap, .cacheOnly: self == .aes256
        case .sign: self != .aes256
        case .transport: true
        }
    }
}

/// Where a key version is in its life (NIST SP 800-57 part 1, 7).
package enum KeyState: String, Sendable, CaseIterable {
    /// Made, not used yet.
    case preActive = "pre-active"
    /// Wraps and unwraps.
    case active
    /// Stopped for the time being: neither wraps nor unwraps, and can be resumed.
    case suspended
    /// Unwraps what it wrapped before, wraps nothing new.
    case deactivated
    /// Known or feared to be known to others: unwraps, so that data can be rescued, wraps nothing.
    case compromised
    /// Its material is gone.
    case destroyed

    /// Whether it may wrap or sign something new.
    package var mayProtect: Bool { self == .active }
    /// Whether it may unwrap.
    package var mayProcess: Bool { self == .active || self == .deactivated || self == .compromised }

    /// Whether an administrator may change this state to `next`: the transitions of SP 800-57 part 1, 7, with two exceptions. What is
    /// active or suspended must be deactivated before it is destroyed, and what was deactivated may be activated again until then.
    package func mayBecome(_ next: KeyState) -> Bool {
        switch (self, next) {
        case (.preActive, .active), (.preActive, .destroyed), (.preActive, .compromised): true
        case (.active, .suspended), (.active, .deactivated), (.active, .compromised): true
        case (.suspended, .active), (.suspended, .deactivated), (.suspended, .compromised): true
        case (.deactivated, .active), (.deactivated, .compromised), (.deactivated, .destroyed): true
        case (.compromised, .destroyed): true
        default: false
        }
    }
}

/// The number of a generation of a key: 1, 2, …
package typealias KeyVersionNumber = UInt32

/// A named key: what administrators see; the material is in its versions.
package struct Key: Sendable, Equatable {
    /// What is known of it without its versions.
    package let summary: KeySummary
    /// Newest first; at least one.
    package let versions: [KeyVersion]

    /// Never reused.
    package var id: KeyID { summary.id }
    /// Unique, for people.
    package var name: String { summary.name }
    package var purpose: KeyPurpose { summary.purpose }
    package var algorithm: KeyAlgorithm { summary.algorithm }
    /// Which key source holds the material, as `embedded`.
    package var source: KeySourceID { summary.source }
    package var createdAt: Instant { summary.createdAt }

    /// The version that wraps: the newest one that has been activated, as long as it is active. Stopping it stops wrapping; an older version
    /// doesn't step in unasked.
    package var primary: KeyVersion? {
        let newest = versions.first { $0.state != .preActive }
        return newest?.state.mayProtect == true ? newest : nil
    }

    /// The same at a moment: none once the key has expired. An expired key goes on unwrapping, as a deactivated one does.
    package func primary(at now: Instant) -> KeyVersion? { summary.hasExpired(at: now) ? nil : primary }
}

/// A key as lists show it.
package struct KeySummary: Sendable, Equatable {
    package let id: KeyID
    package var name: String
    package var purpose: KeyPurpose
    package var algorithm: KeyAlgorithm
    package var source: KeySourceID
    package var createdAt: Instant
    /// For people; may be empty.
    package var description = ""
    package var labels: [String: String] = [:]
    /// From then on it wraps nothing new; nil for never.
    package var expiresAt: Instant?
    /// Whether its material may leave at all; settled when it was made.
    package var isExportable = false
    /// The policy that says who may have the material, wrapped; nil: nobody.
    package var exportPolicy: PolicyID?
    /// The state of its newest version.
    package var state = KeyState.active
    package var versionCount: Int64 = 1
    package var revision: Int64 = 1
    package var updatedAt: Instant

    /// A new key's.
    package init(
        id: KeyID, name: String, purpose: KeyPurpose, algorithm: KeyAlgorithm, source: KeySourceID, createdAt: Instant
    ) {
        (self.id, self.name, self.purpose, self.algorithm) = (id, name, purpose, algorithm)
        (self.source, self.createdAt, updatedAt) = (source, createdAt, createdAt)
    }

    /// Whether it wraps nothing new any more because its time is over.
    package func hasExpired(at now: Instant) -> Bool { expiresAt.map { now >= $0 } ?? false }
}

/// One generation of a key's material, without the material.
package struct KeyVersion: Sendable, Equatable {
    /// Where its material comes from.
    package enum Origin: String, Sendable, CaseIterable {
        case generated, imported
    }

    package let number: KeyVersionNumber
    package let state: KeyState
    package let createdAt: Instant
    /// When the material will be destroyed; nil if that isn't scheduled.
    package let destroyAt: Instant?
    package var origin = Origin.generated
}

/// The name of a key source: `embedded`, or one that an administrator gave.
package struct KeySourceID: Hashable, Sendable, CustomStringConvertible {
    package let description: String
    /// Any text.
    package init(_ text: String) { description = text }
    /// The store of this process.
    package static let embedded = KeySourceID("embedded")
}
