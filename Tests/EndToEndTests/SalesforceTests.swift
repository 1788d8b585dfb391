import Foundation
import Primitives
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Salesforce orgs fetch their keys")
    struct SalesforceTests {
        private static var python: String {
            let root = URL(fileURLWithPath: RawPeer.folder).deletingLastPathComponent().deletingLastPathComponent()
            return root.appendingPathComponent(".build/conformance/bin/python").path
        }

        /// A server that asks for client certificates of any maker.
        private static func served() async throws -> (SpawnedInstallation, SpawnedServer) {
            var configuration = SpawnedConfiguration()
            configuration.clientCertificates = "pinned"
            let installation = try await SpawnedInstallation.demo(configuration)
            return (installation, try await installation.serve())
        }

        @Test(
            "SFC-1 SFC-6 an org made by the commands fetches its key over TLS, and Python's joserfc opens it",
            .enabled(if: FileManager.default.isExecutableFile(atPath: python), "joserfc is not installed: `make conformance` does it"))
        func joserfc() async throws {
            let (installation, server) = try await Self.served()
            let org = try await SpawnedOrg("acme", installation, server)
            let kid = try await org.createKey()
            let outcome = try await SpawnedTool.sh.run(["-c", """
                exec '\(Self.python)' '\(RawPeer.folder)/open_cache_only.py' '\(org.url)' '\(kid)' acme '\(installation.folder.file("password-acme"))' \
                    '\(installation.folder.file("byok-acme.key"))' '\(installation.demo("caFile"))'
                """])
            #expect(outcome.status == 0, "\(outcome.text)")
            let found = try JSONValue(parsing: Array(outcome.output.utf8))
            #expect(found["bytes"] == 32)
            #expect(found["header"] == ["alg": "RSA-OAEP", "enc": "A256GCM", "jti": found["nonce"] ?? .null, "kid": .string(kid)])
            // What the program's own simulator finds is the same key.
            let check = try await org.check(kid)
            #expect(check["code"] == "SUCCESS", "\(check)")
            #expect(check["key_sha256"] == found["sha256"])
        }

        @Test("SFC-18 N45 N52 one org's credentials get 404 for another's kid at its own endpoint, and 401 at the other's")
        func otherOrg() async throws {
            let (installation, server) = try await Self.served()
            let (acme, globex) = (try await SpawnedOrg("acme", installation, server), try await SpawnedOrg("globex", installation, server))
            let (mine, theirs) = (try await acme.createKey(), try await globex.createKey())
            #expect(try await acme.check(mine)["code"] == "SUCCESS")
            #expect(try await acme.check(theirs)["code"] == "DESTROY_HTTP_CODE")
            #expect(try await acme.check(theirs, url: globex.url)["code"] == "AUTHENTICATION_FAILURE_RESPONSE")
            #expect(try await globex.check(theirs, key: "byok-acme")["code"] == "MALFORMED_CONTENT_ENCRYPTION_KEY")
        }

        @Test("SFC-14 SFC-16 an org that signs its tokens, and one that shows a client certificate besides its password")
        func otherProofs() async throws {
            let (installation, server) = try await Self.served()
            for name in ["signer", "client", "stranger"] { try await SpawnedOrg.makeCertificate(name, bits: 2048, installation) }
            let file = { installation.folder.file($0) }
            let signing = try await SpawnedOrg("acme", installation, server, more: [
                "--jwt-issuer", "00D000000000001", "--jwt-subject", "consumer", "--jwt-audience", "keys", "--jwt-certificate", "Signer_1=\(file("signer.crt"))",
            ])
            let kid = try await signing.createKey()
            func token(_ key: String, _ algorithm: String) -> [String] {
                [
                    "--jwt-key", file("\(key).key"), "--jwt-kid", "Signer_1", "--jwt-issuer", "00D000000000001", "--jwt-subject", "consumer",
                    "--jwt-audience", "keys", "--jwt-algorithm", algorithm,
                ]
            }
            #expect(try await signing.check(kid, proof: token("signer", "RS256"))["code"] == "SUCCESS")
            #expect(try await signing.check(kid, proof: token("signer", "RS512"))["code"] == "SUCCESS")
            #expect(try await signing.check(kid, proof: token("stranger", "RS256"))["code"] == "AUTHENTICATION_FAILURE_RESPONSE")
            let mutual = try await SpawnedOrg("globex", installation, server, more: ["--client-certificate", file("client.crt")])
            let other = try await mutual.createKey()
            func certificate(_ name: String) -> [String] { ["--client-certificate", file("\(name).crt"), "--client-key", file("\(name).key")] }
            #expect(try await mutual.check(other, more: certificate("client"))["code"] == "SUCCESS")
            #expect(try await mutual.check(other, more: certificate("stranger"))["code"] == "AUTHENTICATION_FAILURE_RESPONSE")
            #expect(try await mutual.check(other)["code"] == "AUTHENTICATION_FAILURE_RESPONSE")
            #expect(try await mutual.check(other, proof: [], more: certificate("client"))["code"] == "AUTHENTICATION_FAILURE_RESPONSE")
        }

        @Test("SFC-21 a requestId that was answered before a kill -9 is refused after it, with 400")
        func restart() async throws {
            let (installation, server) = try await Self.served()
            let org = try await SpawnedOrg("acme", installation, server)
            let kid = try await org.createKey()
            let nonce = ["--nonce", "e5ab58fd2ced013f2a46d5c8144dd439"]
            let first = try await org.check(kid, more: nonce)
            #expect(first["code"] == "SUCCESS")
            try await server.crash()
            let again = try await installation.serve()
            let url = org.url.replacing("localhost:\(server.port)", with: "localhost:\(again.port)")
            let repeated = try await org.check(kid, url: url, more: nonce)
            #expect(repeated["code"] == "ERROR_HTTP_CODE")
            #expect(repeated["detail"]?.string?.contains("400") == true)
            let fresh = try await org.check(kid, url: url)
            #expect(fresh["code"] == "SUCCESS" && fresh["key_sha256"] == first["key_sha256"])
            let log = try await org.json(["callouts", "acme", "--request-id", "e5ab58fd2ced013f2a46d5c8144dd439"])
            #expect(log["items"]?.array?.map { $0["status"] } == [400, 200], "\(log)")
            #expect(log["items"]?.array?.first?["cause"] == "request-id-repeated")
        }

        @Test(
            "SFC-30 after twenty callouts the key is once in the server's memory, where it is kept, and no content key is there at all",
            .enabled(if: FileManager.default.isExecutableFile(atPath: python), "cryptography is not installed: `make conformance` does it"))
        func memory() async throws {
            let (installation, server) = try await Self.served()
            let org = try await SpawnedOrg("acme", installation, server)
            let kid = try await org.createKey()
            let outcome = try await SpawnedTool.sh.run(["-c", """
                exec '\(Self.python)' '\(RawPeer.folder)/cache_only_memory.py' '\(org.url)' '\(kid)' acme '\(installation.folder.file("password-acme"))' \
                    '\(installation.folder.file("byok-acme.key"))' '\(installation.demo("caFile"))' \(server.process.pid)
                """])
            #expect(outcome.status == 0, "\(outcome.text)")
            let counts = try JSONValue(parsing: Array(outcome.output.utf8))
            #expect(counts["key"] == 1, "\(counts)")  // also shows that the search would have found something
            #expect(counts["content_keys"] == 0 && counts["content_key_halves"] == 0, "\(counts)")
        }

        @Test("rotation is a new kid and the old one is served on; the kill switch is 404 until it is undone; a changed certificate counts at once")
        func life() async throws {
            let (installation, server) = try await Self.served()
            let org = try await SpawnedOrg("acme", installation, server)
            let kid = try await org.createKey()
            let before = try await org.check(kid)
            let next = try #require(try await org.json(["rotate-key", "acme", kid])["kid"]?.string)
            let (old, new) = (try await org.check(kid), try await org.check(next))
            #expect(old["key_sha256"] == before["key_sha256"] && new["code"] == "SUCCESS" && new["key_sha256"] != old["key_sha256"])
            #expect(try await SpawnedInstallation.run(["salesforce", "set-key", "acme", kid, "--disable", "--data", installation.data]).status != 0)
            _ = try await org.json(["set-key", "acme", kid, "--disable", "--yes"])
            #expect(try await org.check(kid)["code"] == "DESTROY_HTTP_CODE")
            #expect(try await org.check(next)["code"] == "SUCCESS")
            _ = try await org.json(["set-key", "acme", kid, "--enable"])
            #expect(try await org.check(kid)["key_sha256"] == before["key_sha256"])
            try await SpawnedOrg.makeCertificate("byok-next", bits: 4096, installation)
            let changed = try await org.json(["update-endpoint", "acme", "--add-certificate", installation.folder.file("byok-next.crt")])
            let certificates = changed["salesforce"]?["certificates"]?.array ?? []
            let fingerprint = try #require(certificates.last?["fingerprint"]?.string)
            #expect(certificates.count == 2)
            _ = try await org.json(["set-key", "acme", kid, "--certificate", fingerprint])
            #expect(try await org.check(kid)["code"] == "MALFORMED_CONTENT_ENCRYPTION_KEY")
            #expect(try await org.check(kid, key: "byok-next")["key_sha256"] == before["key_sha256"])
            #expect(try await org.check(next)["code"] == "SUCCESS", "the other kid's certificate is the old one")
        }

        @Test("a backup restored on another machine, and a new data-sealing key, serve the same kid with the same key to the same password")
        func backup() async throws {
            let (installation, server) = try await Self.served()
            let org = try await SpawnedOrg("acme", installation, server)
            let kid = try await org.createKey()
            let before = try await org.check(kid)
            let file = installation.folder.file("b.hfb")
            let secret = try installation.folder.write("passphrase", "a passphrase of some length\n")
            let selected = installation.folder.file("one.hfb")
            try await installation.succeed("backup", "write", file, "--files", "--passphrase-file", secret)
            try await installation.succeed("backup", "write", selected, "--endpoint", org.endpoint, "--passphrase-file", secret)
            try await server.stop()
            try await installation.succeed("rekey", "--data-key")
            let rekeyed = try await installation.serve()
            func url(_ server: SpawnedServer) -> String { "https://localhost:\(server.port)/v0/salesforce/endpoints/\(org.endpoint)" }
            #expect(try await org.check(kid, url: url(rekeyed))["key_sha256"] == before["key_sha256"])
            try await rekeyed.stop()

            let empty = try SpawnedInstallation()
            try await empty.succeed("restore", file, "--passphrase-file", secret)
            let whole = try await empty.serve()
            #expect(try await org.check(kid, url: url(whole))["key_sha256"] == before["key_sha256"])
            try await whole.stop()

            // Beside another installation's things: only the endpoint with what it needs.
            let other = try await SpawnedInstallation.demo()
            let plan = try JSONValue(parsing: Array(try await other.succeed("restore", selected, "--passphrase-file", secret, "--json").utf8))
            try await other.succeed("restore", selected, "--passphrase-file", secret, "--confirm", try #require(plan["confirm"]?.string))
            let beside = try await other.serve()
            let check = try await org.check(kid, url: url(beside), authority: try other.demo("caFile"))
            #expect(check["code"] == "SUCCESS" && check["key_sha256"] == before["key_sha256"], "\(check)")
            try await beside.stop()
        }
    }
}
