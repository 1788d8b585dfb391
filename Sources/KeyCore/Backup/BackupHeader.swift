package import Primitives

/// How many things a backup holds.
package struct BackupCounts: Sendable, Equatable {
    package var keys: Int64 = 0, keyVersions: Int64 = 0, endpoints: Int64 = 0, issuers: Int64 = 0, policies: Int64 = 0

    /// None yet.
    package init() {}
}

/// What stands in front of a backup, readable without a key and bound to every chunk behind it.
package struct BackupHeader: Sendable, Equatable {
    /// What a backup holds.
    package enum Scope: String, Sendable, CaseIterable {
        /// Everything, but for `BackupTables.leftOut`.
        case all
        /// Keys and endpoints that were chosen, with the policies and issuers that they need.
        case selected
    }

    /// The largest epoch that a file may name: each restore goes above it, and what it makes must be readable again.
    package static let maxEpoch: Int64 = 1 << 31

    /// Names the backup.
    package let id: UUIDBytes
    package let createdAt: Instant
    /// The installation that made it, and how many restores that had seen.
    package let installation: String, epoch: Int64
    package let scope: Scope
    /// The last step of the schema.
    package let schemaStep: Int64
    /// The version of the program.
    package let program: String
    package let counts: BackupCounts
    /// Whether the configuration and the TLS files are in it.
    package let includesFiles: Bool
    /// Files that the configuration names and that are not in it, since they stand outside the data folder: whoever restores brings them.
    package let filesLeftOut: [String]
    package let description: String
    /// Where each journal stood (`AuditHead`): for whoever compares a journal with the backup. Not restored.
    package let audit: [JSONValue]
    package let lock: BackupLock

    /// The header as JSON.
    package var document: JSONValue {
        [
            "id": .string(id.description), "created_at": .optional(createdAt), "installation": .string(installation),
            "epoch": .integer(epoch), "scope": .string(scope.rawValue), "schema_step": .integer(schemaStep), "program": .string(program),
            "counts": [
                "keys": .integer(counts.keys), "key_versions": .integer(counts.keyVersions), "endpoints": .integer(counts.endpoints),
                "issuers": .integer(counts.issuers), "policies": .integer(counts.policies),
            ],
            "includes_files": .bool(includesFiles), "files_left_out": .strings(filesLeftOut), "description": .string(description), "audit": .array(audit), "lock": lock.document,
        ]
    }

    /// A header as given.
    package init(
        id: UUIDBytes, createdAt: Instant, installation: String, epoch: Int64, scope: Scope, schemaStep: Int64, program: String,
        counts: BackupCounts, includesFiles: Bool, filesLeftOut: [String] = [], description: String, audit: [JSONValue], lock: BackupLock
    ) {
        (self.id, self.createdAt, self.installation, self.epoch) = (id, createdAt, installation, epoch)
        (self.scope, self.schemaStep, self.program, self.counts) = (scope, schemaStep, program, counts)
        (self.includesFiles, self.description, self.audit, self.lock) = (includesFiles, description, audit, lock)
        self.filesLeftOut = filesLeftOut
    }

    /// Reads a header of format 1. Members that this version doesn't know are passed over.
    package init(_ document: JSONValue) throws(BackupError) {
        guard let id = document["id"]?.string.flatMap({ UUIDBytes($0) }),
            let createdAt = document["created_at"]?.string.flatMap(RFC3339.parse),
            let installation = document["installation"]?.string, let epoch = document["epoch"]?.integer, (0...BackupHeader.maxEpoch).contains(epoch),
            let scope = document["scope"]?.string.flatMap(Scope.init), let step = document["schema_step"]?.integer,
            let program = document["program"]?.string, let counts = document["counts"], let files = document["includes_files"]?.bool,
            let description = document["description"]?.string, let audit = document["audit"]?.array, let lock = document["lock"]
        else { throw .damaged("the backup's header lacks a field or has one of another kind; the file was changed") }
        var numbers = BackupCounts()
        numbers.keys = counts["keys"]?.integer ?? 0
        numbers.keyVersions = counts["key_versions"]?.integer ?? 0
        numbers.endpoints = counts["endpoints"]?.integer ?? 0
        numbers.issuers = counts["issuers"]?.integer ?? 0
        numbers.policies = counts["policies"]?.integer ?? 0
        self.init(
            id: id, createdAt: createdAt, installation: installation, epoch: epoch, scope: scope, schemaStep: step, program: program,
            counts: numbers, includesFiles: files, filesLeftOut: (document["files_left_out"]?.array ?? []).compactMap(\.string),
            description: description, audit: audit, lock: try BackupLock(lock))
    }
}
