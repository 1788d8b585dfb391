import ArgumentParser
import KeyCore
import Primitives

extension KeyCommand {
    struct Import: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "import", abstract: "Make a key, or its next version, from material that you bring.",
            discussion: """
                The material comes from a file (mode 0600) or standard input: raw bytes, or with --wrapped what you encrypted under
                Holdfast's import key, which --print-import-key prints.

                Examples:
                  holdfast key import --print-import-key
                  holdfast key import legacy --material-file material.bin
                  holdfast key import legacy --material-file next.bin --as-version
                """)
        @OptionGroup var options: CreateOptions
        @Argument(help: "The new key's name; with --as-version the name or id of one that is there.") var name: String?
        @Option(name: .long, help: ArgumentHelp("The material; - for standard input.", valueName: "file")) var materialFile: String?
        @Flag(name: .long, help: "The material is wrapped under the import key.") var wrapped = false
        @Flag(name: .long, help: "Add it to an existing key as its next version.") var asVersion = false
        @Flag(name: .long, help: "Print the public key under which material can be wrapped, and end.") var printImportKey = false
        @Option(name: .long, help: "What it is for; wrap by default.") var purpose: String?
        @Option(name: .long, help: "AES-256 by default.") var algorithm: String?
        @Option(name: .long, help: "A sentence for people.") var description: String?
        @Option(name: .long, help: ArgumentHelp("A label; may be repeated.", valueName: "name=value")) var label: [String] = []
        @Option(name: .long, help: "How it is wrapped, if not as the server expects.") var wrappingAlgorithm: String?
        @OptionGroup var export: ExportOption

        func validate() throws {
            guard printImportKey || (name != nil && materialFile != nil) else {
                throw ValidationError("expected a name and --material-file FILE, or --print-import-key")
            }
        }

        func run(_ api: APIClient) async throws {
            guard let name, let materialFile, !printImportKey else { return api.show(try await api.send("GET", "import-key")) }
            let material = JSONValue.string(Base64.string(try material(materialFile)))
            var member: [(name: String, value: JSONValue)] = [(name: wrapped ? "wrapped_material" : "material", value: material)]
            if let wrappingAlgorithm { member.append((name: "wrapping_algorithm", value: .string(wrappingAlgorithm))) }
            if asVersion {
                let path = Collection.keys.thing(try await api.id(name, in: .keys), "versions")
                if let reply = try await api.create(path, options, body: .json(.object(member))) { KeyOutput.show(reply, api) }
                return
            }
            var members: [(name: String, value: JSONValue)] = [(name: "name", value: .string(name))] + member
            for (name, value) in [("purpose", purpose), ("algorithm", algorithm), ("description", description)] {
                if let value { members.append((name: name, value: .string(value))) }
            }
            if export.exportable { members.append((name: "exportable", value: true)) }
            if let policy = try await export.policyID(api) { members.append((name: "export_policy_id", value: .string(policy))) }
            if let labels = try Labels.document(label) { members.append((name: "labels", value: labels)) }
            if let reply = try await api.create("keys/import", options, body: .json(.object(members))) { KeyOutput.show(reply, api) }
        }

        private func material(_ path: String) throws -> [UInt8] {
            if wrapped || path == "-" { return try InputFile.read(path, maxBytes: 64 << 10) }
            return try PrivateFile.read(path, maxBytes: 64 << 10).exposedCopy()
        }
    }

    struct Export: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Export a version's material, wrapped under a public key that you give.",
            discussion: """
                Where policy permits it. Nothing leaves in the clear: only the holder of the private key can open it.

                Example: holdfast key export disk-encryption --public-key partner.pem --out disk.wrapped
                """)
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var key: String
        @Option(name: .long, help: ArgumentHelp("The public key (PEM).", valueName: "file")) var publicKey: String
        @Option(name: .long, help: "How to wrap.") var algorithm: String?
        @Option(name: .long, help: "The version; the newest by default.") var keyVersion: KeyVersionNumber?
        @Option(name: .long, help: "Where to write the wrapped bytes; without it the answer is printed.") var out: String?

        func run(_ api: APIClient) async throws {
            let path = Collection.keys.thing(try await api.id(key, in: .keys), "export")
            let body = APIBody.json([
                "version": keyVersion.map { .integer(Int64($0)) }, "public_key": .string(try InputFile.text(publicKey)),
                "algorithm": .given(algorithm),
            ])
            guard let reply = try await api.change("POST", path, options, body: body) else { return }
            guard let out, let text = reply.document["wrapped_material"]?.string, let bytes = try? Base64.decodeLenient(Array(text.utf8)[...]) else {
                return api.show(reply)
            }
            try OutputFile.write(bytes, to: out, what: "wrapped under \(publicKey)", asJSON: api.asJSON)
            if api.asJSON { api.show(reply) }
        }
    }

    struct PublicKey: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "public-key", abstract: "Print the public key of an asymmetric key (PEM).",
            discussion: "Example: holdfast key public-key signing --out signing.pem")
        @OptionGroup var options: ReadOptions
        @Argument(help: "Name or id.") var key: String
        @Option(name: .long, help: "The version; the newest by default.") var keyVersion: KeyVersionNumber?
        @Option(name: .long, help: "The file to write.") var out: String?

        func run(_ api: APIClient) async throws {
            let path = Collection.keys.thing(try await api.id(key, in: .keys), "public-key")
            let reply = try await api.send("GET", path, query: [("version", keyVersion.map { "\($0)" })])
            guard let pem = reply.document["public_key"]?.string, !api.asJSON || out != nil else { return api.show(reply) }
            try OutputFile.write(Array(pem.utf8), to: out, what: "the public key", asJSON: api.asJSON)
            if api.asJSON, out != "-" { api.show(reply) }
        }
    }
}
