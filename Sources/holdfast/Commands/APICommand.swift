import ArgumentParser
import Foundation
import Primitives

struct APICommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "api", abstract: "Call the API as it is, for scripts: signed in as any other command.",
        discussion: """
            The answer's body goes to standard output, whatever it is; a problem to standard error, with exit status 1. The paths
            and documents are described by GET /api/v1/openapi.json.

            Examples:
              holdfast api GET '/api/v1/keys?limit=2'
              holdfast api POST /api/v1/keys --body draft.json
            """)
    @OptionGroup var options: ReadOptions
    @Argument(help: "GET, POST, PUT, PATCH or DELETE.") var method: String
    @Argument(help: "The path, as /api/v1/keys, or only what follows /api/v1/.") var path: String
    @Option(name: .long, help: ArgumentHelp("The body; - for standard input.", valueName: "file")) var body: String?
    @Option(name: .long, help: "The body's media type.") var contentType = "application/json"
    @Option(name: .long, help: ArgumentHelp("A further header field, as 'If-Match: \"3\"'; may be repeated.", valueName: "field")) var header: [String] = []

    func validate() throws {
        guard ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(method.uppercased()) else {
            throw ValidationError("expected GET, POST, PUT, PATCH or DELETE, found “\(method)”")
        }
    }

    func run(_ api: APIClient) async throws {
        let fields = try header.map { field in
            guard let colon = field.firstIndex(of: ":") else { throw UsageFailure("--header: expected name: value, found “\(field)”") }
            return (String(field[..<colon]), Optional(field[field.index(after: colon)...].trimmingCharacters(in: .whitespaces)))
        }
        let content = try body.map { APIBody.bytes(try InputFile.read($0, maxBytes: 1 << 30), type: contentType) } ?? .none
        let reply = try await api.send(method.uppercased(), path, headers: fields, body: content)
        FileHandle.standardOutput.write(Data(reply.body + (reply.type.hasSuffix("json") ? [0x0A] : [])))
    }
}

struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Print a completion script for your shell.",
        discussion: """
            Examples:
              holdfast completion bash > /etc/bash_completion.d/holdfast
              holdfast completion zsh > ~/.zsh/completions/_holdfast
              holdfast completion fish > ~/.config/fish/completions/holdfast.fish
            """)
    @Argument(help: "bash, zsh or fish.") var shell: String

    func validate() throws {
        guard CompletionShell(rawValue: shell) != nil else { throw ValidationError("expected bash, zsh or fish, found “\(shell)”") }
    }

    func run() throws {
        guard let shell = CompletionShell(rawValue: shell) else { return }
        print(Holdfast.completionScript(for: shell))
    }
}
