package import Primitives

/// What a restore would do, or has done.
package struct RestorePlan: Sendable, Equatable {
    /// How many rows of a table are concerned.
    package struct TableChanges: Sendable, Equatable {
        package let table: String
        /// Rows that come back, change, go, and rows newer than the backup that stay.
        package var added: Int64 = 0, changed: Int64 = 0, removed: Int64 = 0, kept: Int64 = 0
    }

    /// A thing with a name that comes back, changes, goes or stays.
    package struct NamedChange: Sendable, Equatable {
        package enum Change: String, Sendable, CaseIterable { case added, changed, removed, kept }
        package let table: String, id: String, name: String
        package let change: Change
    }

    /// Something that was stopped after the backup, in which it is still alive.
    package struct Revived: Sendable, Equatable {
        /// `key`, `key_version`, `endpoint`, `cache_only_key`, `issuer`, `user`, `password`, `group_member`, …
        package let kind: String
        /// As `resurrect` names it: `key_version:<key id>/<number>`, `endpoint:<id>`.
        package let reference: String
        package let name: String
        /// What it is now, and what it is in the backup.
        package let now: String, inBackup: String
        /// Whether it comes back, because `resurrect` names it; otherwise what it is now stands.
        package let comesBack: Bool
    }

    /// Two different materials under one name: that of a key version, a secret, or an identifier's key.
    package struct Conflict: Sendable, Equatable {
        /// `material`, `secret`, or `cache_only_key`: an identifier that would hand out another key.
        package let kind: String
        /// As `resurrect` names it: `material:<key id>/<number>`, `secret:<name>`, `cache_only_key:<id>`.
        package let reference: String
        package let name: String
        /// Whether the backup's takes the place of the present one, because `resurrect` names it.
        package let comesBack: Bool
    }

    /// A destruction that is scheduled now, or was when the backup was made.
    package struct Destruction: Sendable, Equatable {
        /// `key_version:<key id>/<number>`.
        package let reference: String
        package let name: String
        /// When it will be after the restore; nil: not at all.
        package let at: Instant?
        /// When it would be as the backup has it.
        package let inBackup: Instant?
    }

    /// A policy that was changed after the backup.
    package struct NewerPolicy: Sendable, Equatable {
        package let id: String, name: String
        /// Version numbers.
        package let now: Int64, inBackup: Int64
    }

    package let header: BackupHeader
    package internal(set) var tables: [TableChanges] = []
    /// At most 1000.
    package internal(set) var changes: [NamedChange] = []
    /// All of them.
    package internal(set) var revived: [Revived] = []
    package internal(set) var conflicts: [Conflict] = []
    package internal(set) var destructions: [Destruction] = []
    /// What somebody should know who confirms it, in sentences.
    package internal(set) var warnings: [String] = []
    /// Who this installation is; empty before its first backup or restore.
    package internal(set) var installation = ""
    /// Whether the backup is of another installation than this one.
    package var isForeign: Bool { header.installation != installation }
    package internal(set) var newerPolicies: [NewerPolicy] = []
    /// Whatever is different from one plan to another: 64 hexadecimal digits that have to be repeated.
    package internal(set) var confirmation = ""
    /// The epoch of the installation; once it is done, the new one.
    package internal(set) var epoch: Int64 = 0

    /// Whether anything would be different.
    package var changesAnything: Bool { tables.contains { $0.added + $0.changed + $0.removed > 0 } }

    static let maxChanges = 1000
}

/// What is to be restored, and how.
package struct RestoreOrder: Sendable {
    /// What comes back although it was stopped after the backup: `key:<id>`, `key_version:<key id>/<number>`, `endpoint:<id>`, `cache_only_key:<id>`, `user:<id>`, … as the
    /// plan's `reference` says; of what lets people in also `KIND:*`.
    package var resurrect: Set<String>
    /// The confirmation of the plan that is to be carried out.
    package var confirmation: String?
    /// Who asks, as in the audit.
    package var actor: String

    /// An order as given.
    package init(resurrect: Set<String> = [], confirmation: String? = nil, actor: String) {
        (self.resurrect, self.confirmation, self.actor) = (resurrect, confirmation, actor)
    }
}
