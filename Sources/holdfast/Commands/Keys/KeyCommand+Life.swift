import ArgumentParser
import KeyCore
import Primitives

extension APIClient {
    /// The path of one version of a key: the newest if none is named.
    func versionPath(_ key: String, _ version: KeyVersionNumber?, _ rest: String) async throws -> (path: String, version: Int64) {
        let id = try await id(key, in: .keys)
        if let version { return (Collection.keys.thing(id, "versions/\(version)/\(rest)"), Int64(version)) }
        let newest = try await send("GET", Collection.keys.thing(id)).document["versions"]?.array?.first?["number"]?.integer ?? 1
        return (Collection.keys.thing(id, "versions/\(newest)/\(rest)"), newest)
    }

    fileprivate func set(
        _ state: String, of key: String, _ version: KeyVersionNumber?, confirmed: Bool = false, _ options: ChangeOptions
    ) async throws {
        let (path, _) = try await versionPath(key, version, "state")
        if let reply = try await change("PUT", path, options, body: .json(["state": .string(state), "confirm": .given(confirmed)])) { KeyOutput.show(reply, self) }
    }
}

extension KeyCommand {
    struct Rotate: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate", abstract: "Add a version, which wraps from now on; earlier ones go on unwrapping.",
            discussion: "Example: holdfast key rotate disk-encryption")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var key: String

        func run(_ api: APIClient) async throws {
            let path = Collection.keys.thing(try await api.id(key, in: .keys), "rotate")
            if let reply = try await api.change("POST", path, options) { KeyOutput.show(reply, api) }
        }
    }

    struct SetState: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-state", abstract: "Suspend, resume, deactivate a version, or mark it compromised.",
            discussion: """
                active       wraps and unwraps
                suspended    does neither, until made active again. Google Cloud is answered 403 and disables its key version:
                             to stop for a moment without that, pause the endpoint instead
                deactivated  unwraps, wraps nothing new
                compromised  unwraps, so that data can be rescued, wraps nothing

                To suspend what a Salesforce org is served has its key destroyed there, and needs --yes.

                Example: holdfast key set-state disk-encryption deactivated --key-version 1
                """)
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var key: String
        @Argument(help: "active, suspended, deactivated or compromised.") var state: String
        @Option(name: .long, help: "The version; the newest by default.") var keyVersion: KeyVersionNumber?

        func validate() throws {
            guard ["active", "suspended", "deactivated", "compromised"].contains(state) else {
                throw ValidationError("expected active, suspended, deactivated or compromised, found “\(state)”; `key destroy` destroys")
            }
        }

        func run(_ api: APIClient) async throws { try await api.set(state, of: key, keyVersion, confirmed: confirmation.yes, options) }
    }

    struct Suspend: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "suspend", abstract: "Stop a version until it is resumed.",
            discussion: """
                Google Cloud is answered 403 and disables its key version; to stop for a moment without that, pause the endpoint.
                A Salesforce org that is served it has its key destroyed, so that needs --yes.

                Example: holdfast key suspend disk-encryption
                """)
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var key: String
        @Option(name: .long, help: "The version; the newest by default.") var keyVersion: KeyVersionNumber?

        func run(_ api: APIClient) async throws { try await api.set("suspended", of: key, keyVersion, confirmed: confirmation.yes, options) }
    }

    struct Resume: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume", abstract: "Make a suspended version active again.", discussion: "Example: holdfast key resume disk-encryption")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var key: String
        @Option(name: .long, help: "The version; the newest by default.") var keyVersion: KeyVersionNumber?

        func run(_ api: APIClient) async throws { try await api.set("active", of: key, keyVersion, options) }
    }

    struct Destroy: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "destroy", abstract: "Schedule the destruction of a deactivated version, or destroy it at once.",
            discussion: """
                When the time has come the material is erased, and what was wrapped with it can never be read again. Until then it
                can be called off: holdfast key cancel-destruction. With --now nothing can be called off, so that needs --yes.

                Example: holdfast key destroy disk-encryption --key-version 1 --after-days 30
                """)
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var key: String
        @Option(name: .long, help: "The version.") var keyVersion: KeyVersionNumber
        @Option(name: .long, help: "Days to wait, 0 to 365; 30 by default.") var afterDays: Int?
        @Flag(name: .long, help: "Erase the material now.") var now = false
        @Flag(name: .long, help: "Call a scheduled destruction off.") var cancel = false

        func validate() throws {
            if let days = afterDays, !(0...365).contains(days) { throw ValidationError("--after-days: expected 0 to 365, found \(days)") }
            guard [afterDays != nil, now, cancel].filter({ $0 }).count <= 1 else {
                throw ValidationError("expected at most one of --after-days, --now and --cancel")
            }
        }

        func run(_ api: APIClient) async throws {
            let id = try await api.id(key, in: .keys)
            let version = Collection.keys.thing(id, "versions/\(keyVersion)")
            let reply: APIReply?
            if cancel {
                reply = try await api.change("DELETE", "\(version)/destruction", options)
            } else if now {
                try confirmation.require("version \(keyVersion) of “\(key)” would be erased, and what it wrapped can never be read again")
                let name = try await api.send("GET", Collection.keys.thing(id)).document["name"] ?? .string(key)
                reply = try await api.change("POST", "\(version)/destroy", options, body: .json(["confirm": name]))
            } else {
                reply = try await api.change("PUT", "\(version)/destruction", options, body: .json(["after_days": .given(afterDays ?? 30)]))
            }
            if let reply { KeyOutput.show(reply, api) }
        }
    }

    struct CancelDestruction: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "cancel-destruction", abstract: "Call the scheduled destruction of a version off.",
            discussion: "Example: holdfast key cancel-destruction disk-encryption --key-version 1")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var key: String
        @Option(name: .long, help: "The version.") var keyVersion: KeyVersionNumber

        func run(_ api: APIClient) async throws {
            let (path, _) = try await api.versionPath(key, keyVersion, "destruction")
            if let reply = try await api.change("DELETE", path, options) { KeyOutput.show(reply, api) }
        }
    }
}
