package import Primitives

/// A Salesforce org that a running server knows: its certificates, made by OpenSSL, and its endpoint, made by the commands of the README.
package final class SpawnedOrg: Sendable {
    package let name: String
    /// The named credential's URL.
    package let url: String
    /// The endpoint's id.
    package let endpoint: String
    package let password: String
    private let installation: SpawnedInstallation
    private let server: SpawnedServer  // runs as long as somebody holds it

    /// Makes key, policy and endpoint.
    package init(_ name: String, _ installation: SpawnedInstallation, _ server: SpawnedServer, more: [String] = []) async throws {
        (self.name, self.installation, self.server) = (name, installation, server)
        try await SpawnedOrg.makeCertificate("byok-\(name)", bits: 4096, installation)
        try await installation.succeed("key", "create", "\(name)-data", "--purpose", "cache-only")
        try await installation.succeed("policy", "save", "salesforce", "\(RawPeer.folder)/../../policies/salesforce.yaml")
        let arguments = [
            "salesforce", "create-endpoint", name, "--organization", "00D000000000001", "--key", "\(name)-data", "--policy", "salesforce",
            "--hostname", "localhost", "--certificate", installation.folder.file("byok-\(name).crt"), "--user", name, "--json",
        ]
        let outcome = try await SpawnedInstallation.run(arguments + more + ["--data", installation.data])
        let document = try JSONValue(parsing: Array(outcome.output.utf8))
        guard outcome.status == 0, let url = document["url"]?.string, let id = document["id"]?.string,
            let password = document["salesforce"]?["authentication"]?["basic"]?.array?.first?["password"]?.string
        else { throw SpawnedTimeout("create-endpoint: \(outcome.text)") }
        (self.url, endpoint, self.password) = (url, id, password)
        try installation.folder.write("password-\(name)", password)
    }

    /// A key and a self-signed certificate, as the org's setup makes them; the key is as long as `bits` says.
    package static func makeCertificate(_ file: String, bits: Int, _ installation: SpawnedInstallation) async throws {
        let outcome = try await SpawnedTool.openssl.run([
            "req", "-x509", "-new", "-newkey", "rsa:\(bits)", "-nodes", "-sha256", "-days", "365", "-keyout", installation.folder.file("\(file).key"),
            "-out", installation.folder.file("\(file).crt"), "-subj", "/CN=\(file)/OU=00D000000000001/O=Salesforce.com",
        ])
        guard outcome.status == 0 else { throw SpawnedTimeout("openssl: \(outcome.text)") }
    }

    /// Gives the org a key; its identifier.
    package func createKey(_ more: [String] = []) async throws -> String {
        let document = try await json(["create-key", name] + more)
        guard let kid = document["kid"]?.string else { throw SpawnedTimeout("create-key: no kid in the answer") }
        return kid
    }

    /// What a command of `holdfast salesforce` prints with `--json`.
    package func json(_ arguments: [String]) async throws -> JSONValue {
        let outcome = try await SpawnedInstallation.run(["salesforce"] + arguments + ["--json", "--data", installation.data])
        guard outcome.status == 0 else { throw SpawnedTimeout("holdfast salesforce \(arguments): \(outcome.text)") }
        return try JSONValue(parsing: Array(outcome.output.utf8))
    }

    /// What `callout-check` says with the org's password, or another proof.
    package func check(_ kid: String, url: String? = nil, key: String? = nil, proof: [String]? = nil, authority: String? = nil, more: [String] = []) async throws -> JSONValue {
        let basic = ["--user", name, "--password-file", installation.folder.file("password-\(name)")]
        let outcome = try await SpawnedInstallation.run([
            "salesforce", "callout-check", "--url", url ?? self.url, "--kid", kid,
            "--private-key", installation.folder.file("\(key ?? "byok-\(name)").key"), "--ca", try authority ?? installation.demo("caFile"), "--json",
        ] + (proof ?? basic) + more)
        guard let document = try? JSONValue(parsing: Array(outcome.output.utf8)) else { throw SpawnedTimeout("callout-check: \(outcome.text)") }
        return document
    }
}
