import Foundation
import Primitives

/// A server and somebody who is signed in there.
struct Profile: Sendable, Equatable {
    /// `https://host:port`.
    var url: String
    /// The authorities to trust instead of the system's, as a PEM file.
    var caFile: String?
    /// An API token, or a session's.
    var token: String?
}

/// `profiles.yaml`: the profiles of one person, by name. It holds tokens, so that nobody else may read it.
struct ProfileFile: Sendable {
    let path: String

    /// `HOLDFAST_CONFIG`, or `~/.config/holdfast/profiles.yaml`.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        if let path = environment["HOLDFAST_CONFIG"], !path.isEmpty {
            self.path = path
        } else {
            path = ((environment["HOME"] ?? NSHomeDirectory()) as NSString).appendingPathComponent(".config/holdfast/profiles.yaml")
        }
    }

    /// All profiles; none if there is no file.
    func profiles() throws -> [String: Profile] {
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        let content = try PrivateFile.read(path, maxBytes: 1 << 20)
        let document = try StrictDocument(parsing: String(decoding: content.exposedCopy(), as: UTF8.self), source: path)
        guard !document.isNull else { return [:] }
        var profiles: [String: Profile] = [:]
        for (name, entry) in try document.entries() {
            let fields = try entry.members(["url", "ca", "token"])
            guard let url = try fields["url"]?.string() else { throw entry.error("expected the field url") }
            profiles[name] = Profile(url: url, caFile: try fields["ca"]?.string(), token: try fields["token"]?.string())
        }
        return profiles
    }

    /// The profile of that name.
    func find(_ name: String) throws -> Profile {
        let profiles = try profiles()
        guard let profile = profiles[name] else {
            let known = profiles.keys.sorted().joined(separator: ", ")
            throw UsageFailure(
                "\(path) has no profile “\(name)”\(known.isEmpty ? "" : " (it has \(known))"): make it with `holdfast login --profile \(name)`")
        }
        return profile
    }

    /// Changes one profile; nil removes it. The file is replaced as a whole, with mode 0600.
    func update(_ name: String, _ change: (Profile?) -> Profile?) throws {
        guard name.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._-]{0,63}/) != nil else {
            throw UsageFailure("expected a profile's name of 1 to 64 letters, digits, dots, hyphens, found “\(name)”")
        }
        let folder = (path as NSString).deletingLastPathComponent
        if !folder.isEmpty {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        let lock = try FileLock(path + ".lock")
        try withExtendedLifetime(lock) {
            var profiles = try profiles()
            profiles[name] = change(profiles[name])
            try AtomicFile.replace(path, with: Array(ProfileFile.text(profiles).utf8))
        }
    }

    /// JSON's strings are YAML's too.
    private static func text(_ profiles: [String: Profile]) -> String {
        func quoted(_ text: String) -> String { String(decoding: JSONValue.string(text).json, as: UTF8.self) }
        var lines = ["# Servers and who is signed in there; `holdfast login` writes this. It holds tokens: keep its mode 0600."]
        for (name, profile) in profiles.sorted(by: { $0.key < $1.key }) {
            lines += ["\(quoted(name)):", "  url: \(quoted(profile.url))"]
            if let file = profile.caFile { lines.append("  ca: \(quoted(file))") }
            if let token = profile.token { lines.append("  token: \(quoted(token))") }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
