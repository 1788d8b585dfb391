import ArgumentParser
import Foundation
import Primitives

/// `--data` and `--profile`, for every command that asks a server.
struct ServerOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Ask the server that runs on this data folder (or HOLDFAST_DATA).", valueName: "dir"))
    var data: String?
    @Option(name: .long, help: ArgumentHelp("Ask the server of this profile (or HOLDFAST_PROFILE).", valueName: "name"))
    var profile: String?

    func validate() throws {
        guard data == nil || profile == nil else { throw ValidationError("expected at most one of --data and --profile") }
    }

    /// The data folder, if the server is one on this machine.
    func localFolder(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> DataFolder? {
        if let data { return DataFolder(data) }
        func isSet(_ name: String) -> Bool { environment[name].map { !$0.isEmpty } ?? false }
        guard profile == nil, !isSet("HOLDFAST_PROFILE"), !isSet("HOLDFAST_URL"), let path = environment["HOLDFAST_DATA"], !path.isEmpty else {
            return nil
        }
        return DataFolder(path)
    }
}

/// Where the API is, and as whom we ask.
struct APIServer: Sendable {
    /// The URL before `/api/v1`.
    let url: String
    let connection: HTTPClientConnection
    let token: String?
    /// As people know it, for messages.
    let name: String
    /// How to sign in there, for messages.
    let signIn: String

    /// Finds the server: what the command line names comes first, then HOLDFAST_PROFILE, HOLDFAST_URL with HOLDFAST_TOKEN, HOLDFAST_DATA, and
    /// last the profile “default”, if there is one.
    static func find(_ option: ServerOption, environment: [String: String] = ProcessInfo.processInfo.environment) throws -> APIServer {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let file = ProfileFile(environment: environment)
        if let path = option.data { return try local(DataFolder(path)) }
        if let name = option.profile ?? value("HOLDFAST_PROFILE") { return try remote(file.find(name), named: name) }
        if let url = value("HOLDFAST_URL") {
            guard let token = value("HOLDFAST_TOKEN") else { throw UsageFailure("HOLDFAST_URL is set: expected HOLDFAST_TOKEN, an API token, too") }
            return try remote(Profile(url: url, caFile: value("HOLDFAST_CA"), token: token), named: nil)
        }
        if let path = value("HOLDFAST_DATA") { return try local(DataFolder(path)) }
        if let profile = try file.profiles()["default"] { return try remote(profile, named: "default") }
        throw UsageFailure(
            "expected a server: give --data DIR (a server on this machine) or --profile NAME, or set HOLDFAST_DATA, HOLDFAST_PROFILE, or HOLDFAST_URL and HOLDFAST_TOKEN")
    }

    /// The server of a profile, or of the environment.
    static func remote(_ profile: Profile, named name: String?) throws -> APIServer {
        var connection = HTTPClientConnection()
        if let file = profile.caFile {
            guard FileManager.default.isReadableFile(atPath: file) else {
                throw UsageFailure("\(file): expected the PEM file of the authority that vouches for \(profile.url); it can't be read")
            }
            connection.trust = .file(file)
        }
        var url = profile.url
        while url.hasSuffix("/") { url.removeLast() }
        guard url.hasPrefix("https://") else { throw UsageFailure("expected a URL that begins with https://, found “\(profile.url)”") }
        let signIn = name.map { "sign in: holdfast login --profile \($0)" } ?? "check HOLDFAST_TOKEN: it may have expired or been revoked"
        return APIServer(url: url, connection: connection, token: profile.token, name: url, signIn: signIn)
    }

    /// The server that runs on a data folder of this machine, through its socket.
    static func local(_ folder: DataFolder) throws -> APIServer {
        let missing = Unavailable("no server runs on \(folder.path): start it with `holdfast serve --data \(folder.path)`")
        guard FileManager.default.fileExists(atPath: folder.path) else {
            throw UsageFailure("\(folder.path) does not exist: expected a data folder made by `holdfast init --data \(folder.path)`")
        }
        guard FileManager.default.isExecutableFile(atPath: folder.path) else {
            throw Unavailable("\(folder.path) is not for this user: ask as root or as the user who runs the server, or use a profile")
        }
        guard let content = FileManager.default.contents(atPath: folder.serverPath) else { throw missing }
        guard let told = try? JSONValue(parsing: Array(content)), told["managementURL"] != nil else {
            throw Complaint("\(folder.serverPath) can't be understood: it belongs to another version of holdfast; start the server again")
        }
        guard let path = told["managementSocket"]?.string else {
            throw Unavailable("the server of \(folder.path) has no local socket (management.socket in holdfast.yaml, or too long a path): use a profile")
        }
        var connection = HTTPClientConnection()
        connection.allowsPlainHTTP = true
        connection.unixSocketPath = path
        return APIServer(
            url: "http://localhost", connection: connection, token: nil, name: folder.path, signIn: "the server refused its own socket: see its log")
    }
}
