import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("What the command line changes is served within a second")
    struct ChangeTests {
        @Test("key rotate: new wraps carry version 2, old blobs still open")
        func rotation() async throws {
            let demo = try await RunningDemo()
            let old = try await demo.caller.blob(of: [1, 2, 3])
            #expect(keyVersion(of: old) == 1)
            try await demo.installation.succeed("key", "rotate", "demo")
            try await eventually("new wraps carry version 2", within: .seconds(1)) {
                keyVersion(of: try await demo.caller.blob(of: [4])) == 2
            }
            #expect(try await demo.caller.unwrap(old).bytes("plaintext") == [1, 2, 3])
            let new = try await demo.caller.blob(of: [5, 6])
            #expect(try await demo.caller.unwrap(new).bytes("plaintext") == [5, 6])
        }

        @Test("endpoint set-state: paused is 503 with Retry-After, disabled is 403 and needs --yes, active serves again")
        func endpointStates() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [1])
            try await demo.installation.succeed("endpoint", "set-state", "demo", "paused")
            try await answer(503, from: demo, blob)
            #expect(try await demo.caller.unwrap(blob).retryAfter == "1")
            try await demo.installation.succeed("endpoint", "set-state", "demo", "active")
            try await answer(200, from: demo, blob)

            let refused = try await demo.installation.run("endpoint", "set-state", "demo", "disabled")
            #expect(refused.status == 2)
            #expect(refused.errors.replacing("\n", with: " ").contains("say --yes, or pause instead"), "\(refused.errors)")
            try await Task.sleep(for: .milliseconds(500))
            #expect(try await demo.caller.unwrap(blob).status == 200)

            try await demo.installation.succeed("endpoint", "set-state", "demo", "disabled", "--yes")
            try await answer(403, from: demo, blob)
            try await demo.installation.succeed("endpoint", "set-state", "demo", "active")
            try await answer(200, from: demo, blob)
        }

        @Test("issuer set-enabled false: its tokens, verified before or not, are 401 until it is enabled again")
        func issuer() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [1])
            try await demo.installation.succeed("issuer", "set-enabled", "demo", "false")
            try await answer(401, from: demo, blob)
            try await demo.installation.succeed("issuer", "set-enabled", "demo", "true")
            try await answer(200, from: demo, blob)
        }

        @Test("policy save: the next version of a policy refuses what the last one allowed")
        func policy() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [1])
            let strict = try demo.installation.folder.write(
                "strict.yaml",
                """
                version: 1
                name: strict
                description: Nobody but another service agent
                rules:
                  - name: other
                    effect: allow
                    operations: [wrap, unwrap]
                    principals: [service-999@gcp-sa-ekms.iam.gserviceaccount.com]
                    justifications: any
                """)
            #expect(try await demo.installation.succeed("policy", "save", "demo", strict).hasSuffix("version 2"))
            try await answer(403, from: demo, blob)
        }

        @Test("key set-state suspended stops the key with 403, active brings it back")
        func suspension() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [1])
            try await demo.installation.succeed("key", "set-state", "demo", "suspended")
            try await answer(403, from: demo, blob)
            try await demo.installation.succeed("key", "set-state", "demo", "active")
            try await answer(200, from: demo, blob)
        }

        @Test("key destroy --after-days 0: the server erases the version, old blobs are 404 from then on, newer ones open, and it is on record")
        func destruction() async throws {
            let demo = try await RunningDemo()
            let old = try await demo.caller.blob(of: [1])
            try await demo.installation.succeed("key", "rotate", "demo")
            try await demo.installation.succeed("key", "set-state", "demo", "deactivated", "--key-version", "1")
            #expect(try await demo.caller.unwrap(old).status == 200)
            try await demo.installation.succeed("key", "destroy", "demo", "--key-version", "1", "--after-days", "0")
            // A second until the schedule is looked at, one until the change is served.
            try await eventually("the old blob is 404", within: .seconds(2)) { try await demo.caller.unwrap(old).status == 404 }
            let new = try await demo.caller.blob(of: [2])
            #expect(try await demo.caller.unwrap(new).bytes("plaintext") == [2])
            try await eventually("the destruction is on record", within: .seconds(2)) {
                try demo.installation.records().contains { $0["event"]?.string == "key.destroyed" && $0["key_version"]?.integer == 1 }
            }
            #expect(try await demo.installation.succeed("key", "show", "demo").contains("destroyed"))
        }

        @Test("a destruction that was scheduled for later can be called off")
        func cancelledDestruction() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [1])
            try await demo.installation.succeed("key", "set-state", "demo", "deactivated")
            try await demo.installation.succeed("key", "destroy", "demo", "--key-version", "1", "--after-days", "30")
            try await demo.installation.succeed("key", "destroy", "demo", "--key-version", "1", "--cancel")
            let key = try JSONValue(parsing: Array(try await demo.installation.succeed("key", "show", "demo", "--json").utf8))
            #expect(key["versions"]?.array?.first?["destroy_at"] == .null)
            #expect(try await demo.caller.unwrap(blob).status == 200)
        }

        private func answer(_ status: Int, from demo: RunningDemo, _ blob: [UInt8]) async throws {
            try await eventually("unwrap answers \(status)", within: .seconds(1)) {
                try await demo.caller.unwrap(blob).status == status
            }
        }
    }
}
