import ArgumentParser
import Foundation
import KeyCore
import Management
import Primitives

struct EndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "endpoint", abstract: "Create, list, pause, disable, delete endpoints: the places that key URIs name.",
        subcommands: [List.self, Create.self, SetState.self, SetPolicy.self, Delete.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List all endpoints.")
        @OptionGroup var data: DataOption
        @OptionGroup var output: OutputOption

        func run() async throws {
            let endpoints = try await data.folder.open().endpoints.snapshot().endpoints
            if output.json { return print(EndpointOutput.json(endpoints)) }
            var table = Table("NAME", "STATE", "HOST NAMES", "PATH", "KEY", "ISSUERS")
            for endpoint in endpoints {
                table.add(
                    endpoint.name, endpoint.state.rawValue, endpoint.hostnames.joined(separator: " "), endpoint.path,
                    endpoint.keyID.description, endpoint.issuers.map(\.name).joined(separator: " "))
            }
            table.print(whenEmpty: "No endpoints. Make one: holdfast endpoint create NAME --key KEY --policy POLICY --issuer ISSUER --hostname HOST")
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Create an EKM endpoint for a key.",
            discussion: """
                Prints the key URI (EKM over the internet) and the key path (EKM over VPC) for Google Cloud.

                Example: holdfast endpoint create disk --key disk-encryption --policy production --issuer google \\
                           --hostname ekm.example.com --data ./data
                """)
        @OptionGroup var data: DataOption
        @OptionGroup var output: OutputOption
        @Argument(help: "A name for people; unique.") var name: String
        @Option(name: .long, help: "The key, by name or id.") var key: String
        @Option(name: .long, help: "The policy, by name or id.") var policy: String
        @Option(name: .long, help: "Whose tokens it believes, by name or id; may be repeated.") var issuer: [String]
        @Option(name: .long, help: "The name by which callers reach it; may be repeated.") var hostname: [String]
        @Option(name: .long, help: "The URL's path, for migration; v0/ekm/endpoints/<id> by default.") var path: String?
        @Option(name: .long, help: "A further accepted audience, exactly as sent; may be repeated.") var audience: [String] = []
        @Option(name: .long, help: "A Google project that may use it; all if none is given; may be repeated.") var project: [String] = []

        func run() async throws {
            try await Administration.run(data) { administration in
                let installation = administration.installation
                var issuers: [IssuerID] = []
                for name in issuer { issuers.append(try await installation.issuers.find(name).id) }
                var draft = EndpointDraft(
                    name: name, hostnames: hostname, keyID: try await installation.keys.find(key).id,
                    policyID: try await installation.policies.find(policy).id, issuers: issuers)
                (draft.path, draft.extraAudiences, draft.allowedProjects) = (path, audience, project)
                let id = try await installation.endpoints.create(draft)
                try await administration.record(AuditEvent.endpointCreated, target: name) { $0.endpointID = id }
                guard let made = try await installation.endpoints.snapshot().endpoints.first(where: { $0.id == id }) else { return }
                EndpointOutput.show(made, output)
            }
        }
    }

    struct SetState: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-state", abstract: "Activate, pause or disable an endpoint.",
            discussion: """
                active    serves
                paused    answers 503: harmless, Google Cloud tries again
                disabled  answers 403: Google Cloud then DISABLES the key versions that point here, and somebody must enable them
                          again there; so it needs --yes
                """)
        @OptionGroup var data: DataOption
        @Argument(help: "Name or id.") var endpoint: String
        @Argument(help: "active, paused or disabled.") var state: String
        @Flag(name: .long, help: "Yes, disable: I know what Google Cloud does then.") var yes = false

        func run() async throws {
            guard let state = EndpointState(rawValue: state) else { throw Complaint("expected active, paused or disabled, found “\(state)”") }
            guard state != .disabled || yes else {
                throw Complaint("disabling answers 403, on which Google Cloud disables the key versions that point here; say --yes, or pause instead")
            }
            try await Administration.run(data) { administration in
                let found = try await EndpointOutput.find(endpoint, administration.installation)
                try await administration.installation.endpoints.setState(state, of: found.id)
                try await administration.record(AuditEvent.endpointChanged, target: found.name) {
                    ($0.endpointID, $0.cause) = (found.id, state.rawValue)
                }
                print("\(found.name) is \(state.rawValue)")
            }
        }
    }

    struct SetPolicy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "set-policy", abstract: "Give an endpoint another policy.")
        @OptionGroup var data: DataOption
        @Argument(help: "Name or id.") var endpoint: String
        @Argument(help: "The policy, by name or id.") var policy: String

        func run() async throws {
            try await Administration.run(data) { administration in
                let found = try await EndpointOutput.find(endpoint, administration.installation)
                let policy = try await administration.installation.policies.find(policy)
                try await administration.installation.endpoints.setPolicy(policy.id, of: found.id)
                try await administration.record(AuditEvent.endpointChanged, target: found.name) {
                    ($0.endpointID, $0.cause) = (found.id, "policy \(policy.name)")
                }
                print("\(found.name) has the policy \(policy.name), version \(policy.version)")
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete an endpoint; its key stays.",
            discussion: "Google Cloud is answered 404 from then on: key versions that point here fail until they are given another URI.")
        @OptionGroup var data: DataOption
        @Argument(help: "Name or id.") var endpoint: String
        @Flag(name: .long, help: "Yes, delete.") var yes = false

        func run() async throws {
            guard yes else { throw Complaint("deleting an endpoint answers its callers with 404; say --yes") }
            try await Administration.run(data) { administration in
                let found = try await EndpointOutput.find(endpoint, administration.installation)
                try await administration.installation.endpoints.delete(found.id)
                try await administration.record(AuditEvent.endpointDeleted, target: found.name) { $0.endpointID = found.id }
                print("\(found.name) is deleted")
            }
        }
    }
}

/// An endpoint as tables and JSON show it.
enum EndpointOutput {
    static func find(_ text: String, _ installation: Installation) async throws -> Endpoint {
        let endpoints = try await installation.endpoints.snapshot().endpoints
        guard let found = endpoints.first(where: { $0.name == text || $0.id.description == text }) else {
            throw Complaint("endpoint “\(text)” does not exist; `holdfast endpoint list` shows those that do")
        }
        return found
    }

    static func show(_ endpoint: Endpoint, _ output: OutputOption) {
        if output.json { return print(json([endpoint])) }
        print("""
            \(endpoint.name)  \(endpoint.id)  \(endpoint.state.rawValue)
            For Google Cloud:
              key URI (internet)  https://\(endpoint.hostnames[0])/\(endpoint.path)
              key path (VPC)      \(endpoint.path)
              host name           \(endpoint.hostnames.joined(separator: ", "))
            """)
    }

    static func json(_ endpoints: [Endpoint]) -> String {
        var writer = JSONWriter()
        writer.array { writer in
            for endpoint in endpoints {
                writer.object { writer in
                    writer.member("id", endpoint.id.description)
                    writer.member("name", endpoint.name)
                    writer.member("door", endpoint.door.rawValue)
                    writer.member("state", endpoint.state.rawValue)
                    writer.member("path", endpoint.path)
                    writer.name("hostnames")
                    writer.value(.array(endpoint.hostnames.map(JSONValue.string)))
                    writer.member("keyID", endpoint.keyID.description)
                    writer.member("policyID", endpoint.policyID.description)
                    writer.name("issuers")
                    writer.value(.array(endpoint.issuers.map { JSONValue.string($0.id.description) }))
                }
            }
        }
        return writer.string
    }
}
