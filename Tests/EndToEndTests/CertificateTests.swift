import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("Certificates: shown, exported, staged, activated, reloaded")
    struct CertificateTests {
        @Test("certificate export writes exactly the leaf that callers are shown, as Google Cloud pins it")
        func export() async throws {
            let demo = try await RunningDemo()
            let out = demo.installation.folder.file("leaf.der")
            let told = try await demo.installation.succeed("certificate", "export", "--out", out)
            let leaf = try await shownLeaf(demo)
            #expect(demo.installation.folder.bytes("leaf.der") == leaf)
            #expect(told == "\(out): \(leaf.count) bytes, SHA-256 \(Hex.string(Digest.sha256(leaf)))")
            let shown = try await demo.installation.succeed("certificate", "show")
            #expect(shown.contains("active") && shown.contains("localhost") && shown.contains(Hex.string(Digest.sha256(leaf))))
            #expect(!shown.contains("staged"))
        }

        @Test("a staged certificate is exported but not shown to anybody; activated, new connections see it and old ones go on")
        func stageAndActivate() async throws {
            let demo = try await RunningDemo()
            let first = try await shownLeaf(demo)
            #expect(try await demo.caller.get("healthz").status == 200)
            let next = try await makeCertificate(demo)
            try await demo.installation.succeed("certificate", "stage", "--certificate", next.certificate, "--private-key", next.key)
            let out = demo.installation.folder.file("next.der")
            try await demo.installation.succeed("certificate", "export", "--staged", "--out", out)
            #expect(demo.installation.folder.bytes("next.der") == next.leaf)
            #expect(try await demo.installation.succeed("certificate", "show").contains("staged"))
            try await Task.sleep(for: .milliseconds(1_500))
            #expect(try await shownLeaf(demo) == first)

            try await demo.installation.succeed("certificate", "activate")
            try await eventually("new connections are shown the next certificate", within: .seconds(3)) {
                try await shownLeaf(demo) == next.leaf
            }
            let answer = try await demo.caller.get("healthz")
            #expect(answer.status == 200)
            #expect(answer.reusedConnection, "the connection from before goes on")
            #expect(try await !demo.installation.succeed("certificate", "show").contains("staged"))
            let record = try await demo.installation.succeed("audit", "tail", "--json", "--event", "certificate.activated")
            #expect(record.contains(Hex.string(Digest.sha256(next.leaf))))
        }

        @Test("without files the server makes the next pair itself: self-signed, for the same names, with a request for a CA")
        func stageOwn() async throws {
            let demo = try await RunningDemo()
            let told = try await demo.installation.succeed("certificate", "stage")
            #expect(told.contains("BEGIN CERTIFICATE REQUEST"))
            let out = demo.installation.folder.file("own.der")
            try await demo.installation.succeed("certificate", "export", "--staged", "--out", out)
            let own = try Certificate(der: demo.installation.folder.bytes("own.der"))
            #expect(own.subject == own.issuer)
            #expect(own.dnsNames == (try Certificate(der: try await shownLeaf(demo))).dnsNames)
            try await demo.installation.succeed("certificate", "activate")
            try await eventually("new connections are shown it", within: .seconds(3)) { try await shownLeaf(demo) == own.der }
        }

        @Test("stage refuses a key that doesn't belong to the certificate")
        func stageMismatch() async throws {
            let demo = try await RunningDemo()
            let next = try await makeCertificate(demo)
            let other = demo.installation.folder.file("data/tls/server.key")
            let outcome = try await demo.installation.run("certificate", "stage", "--certificate", next.certificate, "--private-key", other)
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("does not belong to its certificate"), "\(outcome.errors)")
            #expect(!demo.installation.folder.contains("data/tls/server.pem.next"))
        }

        @Test("SIGHUP loads the certificates of both listeners again")
        func hangUp() async throws {
            let demo = try await RunningDemo()
            let count = { demo.server.log.components(separatedBy: "certificates loaded").count - 1 }
            #expect(count() == 0)
            demo.server.process.signal(SIGHUP)
            try await eventually("the log tells of it", within: .seconds(2)) { count() == 2 }
            #expect(try await demo.caller.wrap([1]).status == 200)
        }

        @Test("files that can't be shown leave the last good certificate in use, and the log says why; put right, they are taken")
        func broken() async throws {
            let demo = try await RunningDemo()
            let first = try await shownLeaf(demo)
            let folder = demo.installation.folder
            let (certificate, key) = (folder.bytes("data/tls/server.pem"), folder.bytes("data/tls/server.key"))
            try folder.write("data/tls/server.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n")
            try await eventually("the log says so", within: .seconds(3)) {
                demo.server.log.contains("certificates can't be loaded; the last ones stay in use")
            }
            #expect(demo.server.log.contains("certificate for localhost: expected PEM certificates, found one that can't be read"))
            #expect(try await shownLeaf(demo) == first)

            let next = try await makeCertificate(demo)
            try folder.write("data/tls/server.pem", folder.bytes("next/server.pem"))
            try await eventually("a key of another certificate is told too", within: .seconds(3)) {
                demo.server.log.contains("does not belong to its certificate")
            }
            #expect(try await shownLeaf(demo) == first)

            try folder.write("data/tls/server.key", folder.bytes("next/server.key"))
            try await eventually("the pair is shown", within: .seconds(3)) { try await shownLeaf(demo) == next.leaf }
            try folder.write("data/tls/server.pem", certificate)
            try folder.write("data/tls/server.key", key)
            try await eventually("and the first pair again", within: .seconds(3)) { try await shownLeaf(demo) == first }
        }

        /// The DER that a new connection is shown.
        private func shownLeaf(_ demo: RunningDemo) async throws -> [UInt8] {
            let outcome = try await SpawnedTool.openssl.run(["s_client", "-connect", "127.0.0.1:\(demo.server.port)", "-servername", "localhost"])
            return try #require(try Certificate.chain(pem: outcome.output).first, "\(outcome.text)").der
        }

        /// Another pair for localhost, of another development authority.
        private func makeCertificate(_ demo: RunningDemo) async throws -> (certificate: String, key: String, leaf: [UInt8]) {
            let folder = demo.installation.folder
            let installation = try await SpawnedInstallation.demo()
            try folder.makeFolder("next")
            for name in ["server.pem", "server.key"] { try folder.write("next/\(name)", installation.folder.bytes("data/tls/\(name)")) }
            let leaf = try #require(try Certificate.chain(pem: folder.text("next/server.pem")).first).der
            return (folder.file("next/server.pem"), folder.file("next/server.key"), leaf)
        }
    }
}
