package import Primitives

extension RestorePlan {
    /// The plan as JSON, as API and command line show it.
    package var document: JSONValue {
        [
            "backup": [
                "id": .string(header.id.description), "created_at": .optional(header.createdAt), "epoch": .integer(header.epoch),
                "scope": .string(header.scope.rawValue), "installation": .string(AuditText.clean(header.installation, limit: 64)),
            ],
            "installation": .string(installation), "other_installation": .bool(isForeign),
            "epoch": .integer(epoch), "changes_anything": .bool(changesAnything),
            "tables": .array(tables.map { row in
                [
                    "table": .string(row.table), "added": .integer(row.added), "changed": .integer(row.changed),
                    "removed": .integer(row.removed), "kept": .integer(row.kept),
                ]
            }),
            "changes": .array(changes.map { change in
                [
                    "table": .string(change.table), "id": .string(change.id), "name": .string(change.name),
                    "change": .string(change.change.rawValue),
                ]
            }),
            "revived": .array(revived.map { thing in
                [
                    "kind": .string(thing.kind), "reference": .string(thing.reference), "name": .string(thing.name),
                    "now": .string(thing.now), "in_backup": .string(thing.inBackup), "comes_back": .bool(thing.comesBack),
                ]
            }),
            "conflicts": .array(conflicts.map { conflict in
                [
                    "kind": .string(conflict.kind), "reference": .string(conflict.reference), "name": .string(conflict.name),
                    "comes_back": .bool(conflict.comesBack),
                ]
            }),
            "destructions": .array(destructions.map { destruction in
                [
                    "reference": .string(destruction.reference), "name": .string(destruction.name), "at": .optional(destruction.at),
                    "in_backup": .optional(destruction.inBackup),
                ]
            }),
            "newer_policies": .array(newerPolicies.map { policy in
                [
                    "id": .string(policy.id), "name": .string(policy.name), "now": .integer(policy.now),
                    "in_backup": .integer(policy.inBackup),
                ]
            }),
            "warnings": .strings(warnings),
            "confirm": .string(confirmation),
        ]
    }
}
