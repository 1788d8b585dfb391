import ArgumentParser
import Foundation
import KeyCore
import Management
import Primitives

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Create, list, rotate, suspend, destroy keys.",
        subcommands: [List.self, Create.self, Show.self, Rotate.self, SetState.self, Destroy.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List all keys.")
        @OptionGroup var data: DataOption
        @OptionGroup var output: OutputOption

        func run() async throws {
            let keys = try await data.folder.open().keys.list()
            if output.json { return print(KeyOutput.json(keys)) }
            var table = Table("NAME", "ID", "PURPOSE", "ALGORITHM", "VERSIONS", "STATE OF NEWEST", "CREATED")
            for key in keys {
                table.add(
                    key.name, key.id.description, key.purpose.rawValue, key.algorithm.rawValue, "\(key.versions.count)",
                    key.versions.first?.state.rawValue ?? "-", key.createdAt.short)
            }
            table.print(whenEmpty: "No keys. Make one: holdfast key create NAME")
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Create a key with its first version.",
            discussion: "Example: holdfast key create disk-encryption --data ./data")
        @OptionGroup var data: DataOption
        @OptionGroup var output: OutputOption
        @Argument(help: "A name for people; unique.") var name: String
        @Option(name: .long, help: "What it is for: wrap.") var purpose = "wrap"

        func run() async throws {
            guard let purpose = KeyPurpose(rawValue: purpose), purpose == .wrap else {
                throw Complaint("--purpose: expected wrap (other purposes come with their front doors), found “\(purpose)”")
            }
            try await Administration.run(data) { administration in
                let key = try await administration.installation.keys.create(
                    name: name, purpose: purpose, algorithm: .aes256, source: try KeySources.find(.embedded))
                try await administration.record(AuditEvent.keyCreated, target: key.name) { $0.keyID = key.id }
                KeyOutput.show(key, output)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show a key with its versions.")
        @OptionGroup var data: DataOption
        @OptionGroup var output: OutputOption
        @Argument(help: "Name or id.") var key: String

        func run() async throws { KeyOutput.show(try await data.folder.open().keys.find(key), output) }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate", abstract: "Add a version, which wraps from now on; earlier ones go on unwrapping.")
        @OptionGroup var data: DataOption
        @OptionGroup var output: OutputOption
        @Argument(help: "Name or id.") var key: String

        func run() async throws {
            try await Administration.run(data) { administration in
                let found = try await administration.installation.keys.find(key)
                let key = try await administration.installation.keys.rotate(found.id, source: try KeySources.find(found.source))
                try await administration.record(AuditEvent.keyRotated, target: key.name) {
                    ($0.keyID, $0.keyVersion) = (key.id, key.versions.first?.number)
                }
                KeyOutput.show(key, output)
            }
        }
    }

    struct SetState: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-state", abstract: "Suspend, resume, deactivate a version, or mark it compromised.",
            discussion: """
                active       wraps and unwraps
                suspended    does neither, until made active again. Google Cloud is answered 403 and disables its key version:
                             to stop for a moment without that, pause the endpoint instead
                deactivated  unwraps, wraps nothing new
                compromised  unwraps, so that data can be rescued, wraps nothing

                Example: holdfast key set-state disk-encryption deactivated --key-version 1 --data ./data
                """)
        @OptionGroup var data: DataOption
        @OptionGroup var output: OutputOption
        @Argument(help: "Name or id.") var key: String
        @Argument(help: "active, suspended, deactivated or compromised.") var state: String
        @Option(name: .long, help: "The version; the newest by default.") var keyVersion: KeyVersionNumber?

        func run() async throws {
            guard let state = KeyState(rawValue: state), [.active, .suspended, .deactivated, .compromised].contains(state) else {
                throw Complaint("expected active, suspended, deactivated or compromised, found “\(state)”; `key destroy` destroys")
            }
            try await Administration.run(data) { administration in
                let found = try await administration.installation.keys.find(key)
                let version = keyVersion ?? found.versions.first?.number ?? 1
                let key = try await administration.installation.keys.setState(state, of: found.id, version: version)
                try await administration.record(AuditEvent.keyStateChanged, target: key.name) {
                    ($0.keyID, $0.keyVersion, $0.cause) = (key.id, version, state.rawValue)
                }
                KeyOutput.show(key, output)
            }
        }
    }

    struct Destroy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "destroy", abstract: "Schedule the destruction of a deactivated version, or call it off.",
            discussion: """
                When the time has come the material is erased, and what was wrapped with it can never be read again. A running server
                does it; until then it can be called off with --cancel.

                Example: holdfast key destroy disk-encryption --key-version 1 --after-days 30 --data ./data
                """)
        @OptionGroup var data: DataOption
        @OptionGroup var output: OutputOption
        @Argument(help: "Name or id.") var key: String
        @Option(name: .long, help: "The version.") var keyVersion: KeyVersionNumber
        @Option(name: .long, help: "Days to wait, 0 to 365.") var afterDays = 30
        @Flag(name: .long, help: "Call a scheduled destruction off.") var cancel = false

        func validate() throws {
            guard (0...365).contains(afterDays) else { throw ValidationError("--after-days: expected 0 to 365, found \(afterDays)") }
        }

        func run() async throws {
            try await Administration.run(data) { administration in
                let found = try await administration.installation.keys.find(key)
                let due = cancel ? nil : administration.installation.clock.now + .seconds(afterDays * 86400)
                let key = try await administration.installation.keys.scheduleDestruction(due, of: found.id, version: keyVersion)
                try await administration.record(AuditEvent.keyDestructionScheduled, target: key.name) {
                    ($0.keyID, $0.keyVersion, $0.cause) = (key.id, keyVersion, due.map { "due " + RFC3339.string($0) } ?? "cancelled")
                }
                KeyOutput.show(key, output)
            }
        }
    }
}

/// A key as tables and JSON show it.
enum KeyOutput {
    static func show(_ key: Key, _ output: OutputOption) {
        if output.json { return print(json([key])) }
        print("\(key.name)  \(key.id)  \(key.purpose.rawValue)  \(key.algorithm.rawValue)  source \(key.source)")
        var table = Table("VERSION", "STATE", "CREATED", "DESTROYED AT")
        for version in key.versions {
            table.add("\(version.number)", version.state.rawValue, version.createdAt.short, version.destroyAt?.short ?? "-")
        }
        table.print(whenEmpty: "No versions.")
    }

    static func json(_ keys: [Key]) -> String {
        var writer = JSONWriter()
        writer.array { writer in
            for key in keys {
                writer.object { writer in
                    writer.member("id", key.id.description)
                    writer.member("name", key.name)
                    writer.member("purpose", key.purpose.rawValue)
                    writer.member("algorithm", key.algorithm.rawValue)
                    writer.member("source", key.source.description)
                    writer.member("createdAt", RFC3339.string(key.createdAt))
                    writer.name("versions")
                    writer.array { writer in
                        for version in key.versions {
                            writer.object { writer in
                                writer.member("number", Int64(version.number))
                                writer.member("state", version.state.rawValue)
                                writer.member("createdAt", RFC3339.string(version.createdAt))
                                if let due = version.destroyAt { writer.member("destroyAt", RFC3339.string(due)) }
                            }
                        }
                    }
                }
            }
        }
        return writer.string
    }
}
