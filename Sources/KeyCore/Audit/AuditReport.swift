/// What a verification found in a folder of journals.
package struct AuditReport: Sendable, Equatable {
    /// One for each node that has segments or an anchor, by name.
    package internal(set) var nodes: [Node] = []

    /// Whether no node's journal has a fault.
    package var isIntact: Bool { nodes.allSatisfy { $0.finding == nil } }

    /// One node's journal.
    package struct Node: Sendable, Equatable {
        /// The node.
        package let node: AuditNode
        /// Its segments.
        package internal(set) var segments = 0
        /// The records that are proven to be in order: up to the fault, if there is one.
        package internal(set) var records = 0
        /// The checkpoints among them.
        package internal(set) var checkpoints = 0
        /// Records that were never confirmed to anybody, left behind by a failing disk; a later record says so.
        package internal(set) var abandoned = 0
        /// `journal.tampered` records: the journal itself noticed a disturbance while it ran or started.
        package internal(set) var tamperNotices = 0
        /// The last record that a checkpoint covers; what follows is linked, but nobody has vouched for it yet.
        package internal(set) var coveredThrough: UInt64 = 0
        /// The last record in order; nil if there is none.
        package internal(set) var head: AuditHead?
        /// The first fault.
        package internal(set) var finding: AuditFinding?
    }
}

/// The first fault in a journal: where it is and what it means.
package struct AuditFinding: Sendable, Equatable, CustomStringConvertible {
    /// What it means.
    package enum Kind: Sendable, Equatable {
        /// The line is no record: damaged or overwritten.
        case malformed
        /// The record, or the one before it, isn't what was written.
        case changed
        /// Records are missing before this one.
        case gap(expected: UInt64, found: UInt64)
        /// Records were exchanged, repeated or inserted.
        case reordered(expected: UInt64, found: UInt64)
        /// The checkpoint doesn't vouch for the records before it, or its signature isn't genuine.
        case forgedCheckpoint
        /// The last line is unfinished: cut in the middle, or its line feed is gone.
        case torn
        /// The journal ends before a record that is known to have been durable.
        case truncated(expected: UInt64, found: UInt64)
        /// The record that an anchor names is another one now: the journal was written anew.
        case rewritten
        /// The journal doesn't begin with its first record, and that wasn't expected.
        case missingBeginning(found: UInt64)
        /// A file can't be read.
        case unreadable(String)
    }

    /// What it means.
    package let kind: Kind
    /// The segment's file name; nil if there is none.
    package let file: String?
    /// The line in that file, from 1; nil if the fault isn't in one.
    package let line: Int?

    /// For people: place and meaning.
    package var description: String {
        let place = [file, line.map { "line \($0)" }].compactMap(\.self).joined(separator: ", ")
        return place.isEmpty ? meaning : "\(place): \(meaning)"
    }

    private var meaning: String {
        switch kind {
        case .malformed: "no record: the line is damaged or overwritten"
        case .changed: "this record, or the one before it, was changed"
        case .gap(let expected, let found): "records \(expected) to \(found - 1) are missing"
        case .reordered(let expected, let found):
            "record \(found) stands where \(expected) belongs: records were exchanged, repeated or inserted"
        case .forgedCheckpoint: "the checkpoint is forged, or vouches for other records than those before it"
        case .torn: "the last line is unfinished"
        case .truncated(let expected, let found): "the journal ends with record \(found), but \(expected) was durable: its end was removed"
        case .rewritten: "this is not the record that the anchor names: the journal was written anew"
        case .missingBeginning(let found): "the journal begins with record \(found): its beginning was removed"
        case .unreadable(let reason): reason
        }
    }
}
