import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("What stops a start")
    struct StartTests {
        static let valid: String = {
            var configuration = SpawnedConfiguration()
            configuration.limits = [:]
            return configuration.text
        }()

        @Test("a wrong configuration is named with file, line, field and remedy", arguments: [
            ("  listen: ", "  lisen: ", 2, "dataPlane.lisen: unknown field; expected one of listen, threads, certificates, limits"),
            ("\"127.0.0.1:0\"", "\"127.0.0.1\"", 2, "dataPlane.listen: expected an address such as 127.0.0.1:8443 or [::]:8443, found “127.0.0.1”"),
            ("\"127.0.0.1:0\"", "\":8443\"", 2, "dataPlane.listen: expected an address before the colon, as 0.0.0.0:8443"),
            ("      privateKey: tls/server.key\n", "", 4, "dataPlane.certificates[0]: expected the fields serverNames, certificate and privateKey"),
            ("[\"localhost\"]", "localhost", 4, "dataPlane.certificates[0].serverNames: expected a list, found “localhost”"),
            ("tls/server.key\n", "tls/server.key\n      clientCertificates: maybe\n", 7,
             "dataPlane.certificates[0].clientCertificates: expected none, pinned, optional: FILE, or required: FILE"),
            ("management:\n", "  limits:\n    maxBodyBytes: 1TB\nmanagement:\n", 8, "dataPlane.limits.maxBodyBytes: expected a size such as 512KiB"),
            ("management:\n", "  limits:\n    drainTimeout: 10\nmanagement:\n", 8, "dataPlane.limits.drainTimeout: expected a time such as 250ms"),
            ("management:\n", "  limits:\n    maxConnections: 0\nmanagement:\n", 8, "dataPlane.limits.maxConnections: expected a whole number from 1 to 1000000, found “0”"),
            ("  file: root.key", "  file: root.key\n  environment: ROOT", 10, "rootKey: expected one of file: PATH, passphraseFile: PATH, environment: VARIABLE"),
            ("node: node-1", "node: cli", 13, "audit.node: expected 1 to 64 lower-case letters, digits, dots, hyphens; “cli” is the command line's own"),
            ("deadline: 5s", "deadline: 5", 14, "audit.deadline: expected a time such as 250ms"),
            ("level: info", "level: loud", 16, "log.level: expected one of trace, debug, info, notice, warning, error, critical"),
            ("level: info", "level: info\n  level: debug", nil, "these fields occur twice: level"),
            ("level: info", "level: &a info", 16, "anchors and aliases are not supported; write the value out"),
            ("level: info", "level: info\ndevelopment:\n  allowCoreDumps: \"yes\"", 18, "development.allowCoreDumps: expected true or false, found “yes”"),
            ("dataPlane:", "dataPlane: [", nil, "not valid YAML"),
        ] as [(String, String, Int?, String)])
        func configuration(part: String, replacement: String, line: Int?, complaint: String) async throws {
            let installation = try SpawnedInstallation()
            try installation.folder.makeFolder("data")
            try installation.folder.write("data/holdfast.yaml", StartTests.valid.replacingOccurrences(of: part, with: replacement))
            let outcome = try await installation.run("serve")
            #expect(outcome.status == 1)
            let file = "Error: \(installation.data)/holdfast.yaml:"
            #expect(outcome.errors.hasPrefix(line.map { "\(file)\($0): " } ?? file), "\(outcome.errors)")
            #expect(outcome.errors.contains(complaint), "\(outcome.errors)")
        }

        @Test("a root key that others may read is refused with the remedy")
        func openRootKey() async throws {
            let installation = try await SpawnedInstallation.demo()
            let path = installation.folder.file("data/root.key")
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            let outcome = try await installation.run("serve")
            #expect(outcome.status == 1)
            #expect(outcome.errors == "Error: \(path): expected mode 0600, found 0644; run: chmod 600 \(path)\n")
        }

        @Test("another installation's root key is told from a broken one", arguments: [
            (String(repeating: "ab", count: 32), "the root key does not open this data folder"),
            ("nonsense", "expected 64 hexadecimal digits (32 bytes), found something else"),
            ("", "expected 64 hexadecimal digits (32 bytes), found something else"),
        ])
        func wrongRootKey(text: String, sentence: String) async throws {
            let installation = try await SpawnedInstallation.demo()
            try installation.folder.write("data/root.key", text)
            for command in [["serve"], ["token", "mint"], ["audit", "verify"]] {
                let outcome = try await SpawnedInstallation.run(command + ["--data", installation.data])
                #expect(outcome.status == 1, "\(command)")
                #expect(outcome.errors.contains(sentence), "\(command): \(outcome.text)")
            }
        }

        @Test("a port that is taken is named, with what to change")
        func occupiedPort() async throws {
            let demo = try await RunningDemo()
            let other = try await SpawnedInstallation.demo()
            var configuration = SpawnedConfiguration()
            configuration.listen = "127.0.0.1:\(demo.server.port)"
            try other.configure(configuration)
            let outcome = try await other.run("serve")
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("can't listen on 127.0.0.1:\(demo.server.port): another program listens there"), "\(outcome.errors)")
            #expect(outcome.errors.contains("dataPlane.listen in \(other.data)/holdfast.yaml"))
            #expect(!other.folder.contains("data/server.json"))
            #expect(try await other.run("audit", "verify").status == 0)
        }

        @Test("an address that isn't this machine's is named", arguments: ["192.0.2.1:0", "no-such-host.invalid:0"])
        func foreignAddress(address: String) async throws {
            let installation = try await SpawnedInstallation.demo()
            var configuration = SpawnedConfiguration()
            configuration.listen = address
            try installation.configure(configuration)
            let outcome = try await installation.run("serve")
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("can't listen on \(address): "), "\(outcome.errors)")
        }

        @Test("a second server on the same data folder is refused; the first goes on")
        func secondServer() async throws {
            let demo = try await RunningDemo()
            let outcome = try await demo.installation.run("serve")
            #expect(outcome.status == 1)
            #expect(
                outcome.errors.contains("another server runs on \(demo.installation.data) and writes the journal of node-1: stop it first"),
                "\(outcome.errors)")
            #expect(try await demo.caller.wrap([1]).status == 200)
            #expect(demo.installation.folder.contains("data/server.json"))
        }

        @Test("certificates that can't be shown stop the start by name", arguments: [
            ("server.pem", "junk", "certificate for localhost: expected PEM certificates, found none"),
            ("server.key", "junk", "private key for localhost: expected an unencrypted PEM private key"),
        ])
        func certificates(name: String, content: String, sentence: String) async throws {
            let installation = try await SpawnedInstallation.demo()
            try installation.folder.write("data/tls/\(name)", content)
            let outcome = try await installation.run("serve")
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains(sentence), "\(outcome.errors)")
        }

        @Test("a data folder that lacks its database or configuration says how one is made")
        func missingFiles() async throws {
            let installation = try await SpawnedInstallation.demo()
            try FileManager.default.removeItem(atPath: installation.folder.file("data/holdfast.db"))
            #expect(try await installation.run("serve").errors.contains("run `holdfast init --data \(installation.data)` first"))
            try FileManager.default.removeItem(atPath: installation.folder.file("data/holdfast.yaml"))
            #expect(try await installation.run("serve").errors.contains("expected a data folder made by `holdfast init"))
        }
    }
}
