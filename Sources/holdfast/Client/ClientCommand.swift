import ArgumentParser
import Foundation
import Primitives

/// A command that asks a server.
protocol ClientCommand: AsyncParsableCommand {
    associatedtype Options: ClientOptions
    var options: Options { get }
    func run(_ api: APIClient) async throws
}

extension ClientCommand {
    func run() async throws {
        Hardening.apply(allowsDumps: false)
        try await run(APIClient(try APIServer.find(options.server), asJSON: options.output.json))
    }
}

/// What every command that asks a server understands.
protocol ClientOptions: ParsableArguments {
    var server: ServerOption { get }
    var output: OutputOption { get }
}

/// Options of a command that reads one thing, or does something small.
struct ReadOptions: ClientOptions {
    @OptionGroup var server: ServerOption
    @OptionGroup var output: OutputOption
}

/// Options of a list.
struct ListOptions: ClientOptions {
    @OptionGroup var server: ServerOption
    @OptionGroup var output: OutputOption
    @Option(name: .long, help: "How many at most.") var limit = 100
    @Flag(name: .long, help: "All, however many there are.") var all = false
    @Option(name: .long, help: ArgumentHelp("What to sort by; backwards with a hyphen: --sort=-name.", valueName: "field")) var sort: String?

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit: expected 1 or more, found \(limit)") }
    }
}

/// `--wait`, for what may be held until other people approve it.
struct WaitOption: ParsableArguments {
    @Flag(name: .long, help: "If it is held for approval, wait until that is decided.") var wait = false
    @Option(name: .long, help: ArgumentHelp("How long to wait at most.", valueName: "seconds")) var waitSeconds = 3600

    func validate() throws {
        guard waitSeconds > 0 else { throw ValidationError("--wait-seconds: expected 1 or more, found \(waitSeconds)") }
    }
}

/// Options of a command that changes something.
struct ChangeOptions: ClientOptions {
    @OptionGroup var server: ServerOption
    @OptionGroup var output: OutputOption
    @Flag(name: .long, help: "Check everything and say what would come of it, but change nothing.") var dryRun = false
    @Option(name: .long, help: ArgumentHelp("Only if it still has this revision, as `show` printed it.", valueName: "revision"))
    var ifMatch: Int64?
    @OptionGroup var waiting: WaitOption

    var query: [(String, String?)] { [("dry_run", dryRun ? "true" : nil)] }
    var headers: [(String, String?)] { [("If-Match", ifMatch.map { "\"\($0)\"" })] }
}

/// Options of a command that makes something.
struct CreateOptions: ClientOptions {
    @OptionGroup var server: ServerOption
    @OptionGroup var output: OutputOption
    @Flag(name: .long, help: "Check everything and say what would come of it, but make nothing.") var dryRun = false
    @Option(name: .long, help: ArgumentHelp(
        "Any text of your own: repeated with the same one, the command makes nothing twice.", valueName: "text"))
    var idempotencyKey: String?
    @OptionGroup var waiting: WaitOption

    var query: [(String, String?)] { [("dry_run", dryRun ? "true" : nil)] }
    var headers: [(String, String?)] { [("Idempotency-Key", idempotencyKey)] }
}

/// `--yes`, for what can't be undone.
struct YesOption: ParsableArguments {
    @Flag(name: .long, help: "Yes, do it.") var yes = false

    /// - Throws: what would be done, unless somebody said yes.
    func require(_ what: String) throws {
        guard yes else { throw UsageFailure("\(what); say --yes if that is meant") }
    }
}
