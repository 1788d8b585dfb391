import Foundation
import KeyCore
import Primitives
import TestSupport
import Testing

/// The Python of the tests' peers, which `make conformance` makes.
enum PeerPython {
    static var path: String {
        let root = URL(fileURLWithPath: RawPeer.folder).deletingLastPathComponent().deletingLastPathComponent()
        return root.appendingPathComponent(".build/conformance/bin/python").path
    }
}

extension EndToEnd {
    /// What an administrator does with `holdfast cse`, with oidc-provider-mock as the identity provider.
    @Suite("Workspace client-side encryption, administered", .enabled(
        if: FileManager.default.isExecutableFile(atPath: PeerPython.path), "oidc-provider-mock is not installed: `make conformance` does it"))
    struct WorkspaceAdministrationTests {
        /// A server with one endpoint that was made by the command line, an identity provider, and keys that sign as Google.
        private struct Site {
            let installation: SpawnedInstallation
            let server: SpawnedServer
            let provider: SpawnedProcess
            let providerURL: String
            let url: String
            let google: TokenTestKey
            var authority: String { installation.folder.file("data/tls/ca.pem") }

            init() async throws {
                installation = try await SpawnedInstallation.demo()
                let tls = installation.folder.file("data/tls")
                let provider = try SpawnedProcess(PeerPython.path, ["\(RawPeer.folder)/oidc_provider.py", "\(tls)/server.pem", "\(tls)/server.key"])
                try await eventually("oidc-provider-mock tells its port", within: .seconds(120)) {
                    try #require(provider.status == nil, "\(provider.errors)")
                    return provider.output.hasSuffix("\n")
                }
                self.provider = provider
                providerURL = "https://localhost:\(provider.output.trimmingCharacters(in: .newlines))"
                var configuration = SpawnedConfiguration()
                configuration.more = "outbound:\n  caFile: tls/ca.pem"
                try installation.configure(configuration)
                server = try await installation.serve()
                google = try TokenTestKey("g1", .rs256)
                let jwks = try installation.folder.write("google.json", try TokenTestKey.jwks(google))
                var issuers: [JSONValue] = []
                for issuer in GoogleCSEIssuer.allCases {
                    let added = try await installation.succeed("issuer", "add", "google \(issuer.rawValue)", "--iss", issuer.value, "--jwks-file", jwks, "--json")
                    issuers.append(try JSONValue(parsing: Array(added.utf8))["id"] ?? .null)
                }
                let made = try await installation.succeed(
                    "cse", "endpoint", "create", "hq", "--domain", "example.com", "--hostname", "localhost", "--client-id", "web-client",
                    "--openid-configuration-url", "\(providerURL)/.well-known/openid-configuration", "--mail-admin", "alice@example.com", "--json")
                url = try #require(JSONValue(parsing: Array(made.utf8))["url"]?.string)
                let options: JSONValue = ["authorization": ["issuers": .array(issuers)]]
                let file = try installation.folder.write("options.json", String(decoding: options.json, as: UTF8.self))
                try await installation.succeed("cse", "endpoint", "configure", "hq", "--options", file)
            }

            /// The identity provider's word, as a browser gets it.
            func identity(_ subject: String, client: String = "web-client") async throws -> String {
                let outcome = try await SpawnedTool.sh.run(
                    ["-c", "exec '\(PeerPython.path)' '\(RawPeer.folder)/idp_token.py' '\(providerURL)' '\(authority)' '\(client)' '\(subject)'"])
                guard outcome.status == 0 else { throw SpawnedTimeout(outcome.text) }
                return outcome.output.trimmingCharacters(in: .newlines)
            }

            /// Google's word.
            func authorization(_ role: String, _ issuer: GoogleCSEIssuer, email: String = "alice@example.com", more: [(String, JSONValue)] = []) throws -> String {
                let now = WallClock.system.now.seconds
                let claims: [(String, JSONValue)] = [
                    ("iss", .string(issuer.value)), ("aud", "cse-authorization"), ("iat", .integer(now)), ("exp", .integer(now + 3600)),
                    ("email", .string(email)), ("role", .string(role)), ("kacls_url", .string(url)), ("resource_name", "//googleapis.com/drive/files/1"),
                ] + more
                return try google.token(String(decoding: JSONValue.object(claims.map { (name: $0.0, value: $0.1) }).json, as: UTF8.self))
            }

            func call(_ method: String, _ fields: [(String, String)] = []) async throws -> (status: Int, body: JSONValue) {
                var request = HTTPClientRequest(method: fields.isEmpty ? "GET" : "POST", url: "\(url)/\(method)")
                request.headers = [HTTPClientHeader("Content-Type", "application/json")]
                if !fields.isEmpty { request.body = JSONValue.object(fields.map { (name: $0.0, value: .string($0.1)) }).json }
                request.connection.trust = .file(authority)
                (request.totalTimeout, request.connectTimeout) = (.seconds(60), .seconds(30))
                let response = try await HTTPClient(threads: 1).send(request)
                return (response.status, (try? JSONValue(parsing: response.body)) ?? .null)
            }

            func wrap(_ identity: String, email: String = "alice@example.com") async throws -> (status: Int, body: JSONValue) {
                try await call("wrap", [("key", "AQID"), ("authorization", try authorization("writer", .drive, email: email)), ("authentication", identity)])
            }
        }

        @Test("CSE-70 an endpoint from the template serves with tokens of oidc-provider-mock; a rotation leaves its URL, archiving and recovering leave everything")
        func life() async throws {
            let site = try await Site()
            let identity = try await site.identity("alice-at-provider")
            let first = try #require(try await site.wrap(identity).body["wrapped_key"]?.string)
            // Another person, one whose address nobody has verified, another application, a forged token.
            #expect(try await site.wrap(try await site.identity("carol-at-provider")).status == 403)
            #expect(try await site.wrap(try await site.identity("bob-at-provider"), email: "bob@example.com").status == 401)
            #expect(try await site.wrap(try await site.identity("alice-at-provider", client: "other-client")).status == 401)
            #expect(try await site.wrap(identity + "x").status == 401)
            let check = try await site.installation.run("cse", "check", "hq")
            #expect(check.status == 0, "\(check.text)")
            #expect(check.output.contains("status.server_type") && check.output.contains("preflight.methods"))
            #expect(!check.output.contains("FAILED"))

            try await site.installation.succeed("key", "rotate", "hq")
            let second = try #require(try await site.wrap(identity).body["wrapped_key"]?.string)
            #expect(keyVersion(of: try Base64.decodeLenient(ArraySlice(second.utf8))) == 2)
            func open(_ wrapped: String) async throws -> (status: Int, body: JSONValue) {
                try await site.call("unwrap", [
                    ("wrapped_key", wrapped), ("authorization", try site.authorization("reader", .drive)), ("authentication", identity),
                ])
            }
            for wrapped in [first, second] { #expect(try await open(wrapped).body["key"] == "AQID") }

            #expect(try await site.installation.run("endpoint", "archive", "hq").status == 2)
            try await site.installation.succeed("endpoint", "archive", "hq", "--yes")
            #expect(try await open(first).status == 403)
            #expect(try await site.call("status").status == 403)
            #expect(try await site.installation.run("cse", "check", "hq").status == 1)
            try await site.installation.succeed("endpoint", "recover", "hq")
            #expect(try await open(first).body["key"] == "AQID")

            let statistics = try JSONValue(parsing: Array(try await site.installation.succeed("audit", "statistics", "--endpoint", "hq", "--event", "kacls.", "--json").utf8))
            #expect(statistics["principals"]?.array?.contains { $0["value"] == "alice@example.com" } == true, "\(statistics)")
            #expect(statistics["resources"]?.array?.first?["value"] == "//googleapis.com/drive/files/1")
            let metrics = try await site.installation.succeed("api", "GET", "/metrics")
            #expect(metrics.contains(#"holdfast_requests_total{door="kacls",method="unwrap",outcome="allowed",health_check="false"} 3"#), "\(metrics)")
        }

        @Test("keys in PEM and PKCS#12 become the files that Gmail's tools read, and sign when they come back; a rerun does only what is missing")
        func privateKeys() async throws {
            let site = try await Site()
            let folder = site.installation.folder
            let made = try await SpawnedTool.sh.run(["-euc", """
                cd '\(folder.path)' && mkdir keys && umask 077
                for name in ann bob carol; do
                    openssl req -x509 -newkey rsa:2048 -nodes -keyout $name.key -out $name.crt -days 2 -subj "/CN=$name" \\
                        -addext "subjectAltName=email:$name@example.com" 2>/dev/null
                done
                cp ann.key keys/ann@example.com.pem
                openssl rsa -in bob.key -traditional -out keys/bob@example.com.key 2>/dev/null
                openssl pkcs12 -export -inkey carol.key -in carol.crt -passout pass:mailed -out keys/carol.p12
                echo nonsense > keys/dave@example.com.pem
                """])
            try #require(made.status == 0, "\(made.text)")
            let token = try folder.write("token", try await site.identity("alice-at-provider"))
            let password = try folder.write("password", "mailed")
            _ = try await SpawnedTool.sh.run(["-c", "chmod 600 '\(token)' '\(password)'"])
            func wrap() async throws -> SpawnedTool.Outcome {
                try await site.installation.run(
                    "cse", "wrap-private-key", "hq", folder.file("keys"), "--out", folder.file("wrapped"), "--token-file", token,
                    "--password-file", password, "--ca-file", site.authority)
            }
            let outcome = try await wrap()
            #expect(outcome.status == 1)
            #expect(outcome.output.contains("3 of 4 keys are in"))
            #expect(outcome.errors.contains("[3/4] carol@example.com, with 1 certificates") && outcome.errors.contains("[4/4] FAILED"), "\(outcome.text)")
            #expect(try await wrap().errors.components(separatedBy: "is there already").count == 4)
            for name in ["ann", "bob", "carol"] {
                let file = try JSONValue(parsing: folder.bytes("wrapped/\(name)@example.com.wrap"))
                #expect(file["kacls_url"] == .string(site.url))
                #expect(file.object?.map(\.name) == ["kacls_url", "wrapped_private_key"])
                try await sign(site, name, try #require(file["wrapped_private_key"]?.string))
            }
            let certificates = try await SpawnedTool.openssl.run(["pkcs7", "-in", folder.file("wrapped/carol@example.com.p7pem"), "-print_certs", "-noout"])
            #expect(certificates.output.contains("CN = carol"))
            // Who is not on the list gets nothing, and the rest isn't tried.
            try folder.write("token", try await site.identity("carol-at-provider"))
            let refused = try await site.installation.run(
                "cse", "wrap-private-key", "hq", folder.file("keys"), "--out", folder.file("none"), "--token-file", token, "--ca-file", site.authority)
            #expect(refused.status == 1)
            #expect(refused.errors.contains("403") && !refused.errors.contains("[2/4]"))
            #expect(folder.names("none").isEmpty)
        }

        /// Signs with the wrapped key, and has OpenSSL verify it.
        private func sign(_ site: Site, _ name: String, _ wrapped: String) async throws {
            let folder = site.installation.folder.path
            let prepared = try await SpawnedTool.sh.run(["-euc", """
                cd '\(folder)'; openssl x509 -in \(name).crt -noout -pubkey > \(name).pub; printf mail > mail.txt
                openssl pkey -pubin -in \(name).pub -outform DER | openssl dgst -sha256 -binary | base64 -w0; echo
                openssl dgst -sha256 -binary mail.txt | base64 -w0
                """])
            let (hash, digest) = (try #require(prepared.lines.first), try #require(prepared.lines.last))
            let signer = try site.authorization("signer", .gmail, more: [
                ("message_id", "<1@example.com>"), ("spki_hash", .string(hash)), ("spki_hash_algorithm", "SHA-256"),
            ])
            let (status, answer) = try await site.call("privatekeysign", [
                ("algorithm", "SHA256withRSA"), ("digest", digest), ("wrapped_private_key", wrapped), ("authorization", signer),
                ("authentication", try await site.identity("alice-at-provider")), ("reason", "sign email"),
            ])
            try #require(status == 200, "\(answer)")
            let signature = try #require(answer["signature"]?.string)
            let verdict = try await SpawnedTool.sh.run(["-c", """
                cd '\(folder)'; echo '\(signature)' | base64 -d > s; openssl dgst -sha256 -verify \(name).pub -signature s mail.txt
                """])
            #expect(verdict.output.contains("Verified OK"))
        }

        @Test("a backup takes the keys that sign our tokens along: restored elsewhere, /certs is the same and old wrapped keys open")
        func backup() async throws {
            let site = try await Site()
            let identity = try await site.identity("alice-at-provider")
            let wrapped = try #require(try await site.wrap(identity).body["wrapped_key"]?.string)
            try await eventually("a signing key", within: .seconds(60)) { try await site.call("certs").body["keys"]?.array?.isEmpty == false }
            let certs = try await site.call("certs").body
            let folder = site.installation.folder
            let (file, passphrase) = (folder.file("b.hfb"), try folder.write("passphrase", "a passphrase of some length\n"))
            try await site.installation.succeed("backup", "write", file, "--files", "--passphrase-file", passphrase)
            try await site.server.stop()
            let elsewhere = try SpawnedInstallation()
            try await elsewhere.succeed("restore", file, "--passphrase-file", passphrase)
            var configuration = SpawnedConfiguration()
            configuration.listen = "127.0.0.1:\(site.server.port)"
            configuration.more = "outbound:\n  caFile: tls/ca.pem"
            try elsewhere.configure(configuration)
            let server = try await elsewhere.serve()
            #expect(try await site.call("certs").body == certs)
            var last: (status: Int, body: JSONValue) = (0, .null)
            for _ in 0..<600 where last.status != 200 {
                last = try await site.wrap(identity)
                if last.status != 200 { try await Task.sleep(for: .milliseconds(100)) }
            }
            #expect(last.status == 200, "the identity provider's keys are fetched: \(last.body)")
            let opened = try await site.call("unwrap", [
                ("wrapped_key", wrapped), ("authorization", try site.authorization("reader", .drive)), ("authentication", identity),
            ])
            #expect(opened.body["key"] == "AQID")
            try await server.stop()
        }
    }
}
