import Foundation
import KeyCore
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("What is told of a running server")
    struct ObservationTests {
        /// The management API over the socket in the data folder.
        private struct Management {
            let demo: RunningDemo

            func call(_ path: String, _ arguments: String...) async throws -> String {
                let socket = demo.installation.folder.file("data/holdfast.sock")
                return try await SpawnedTool.curl.run(["-sS", "--unix-socket", socket] + arguments + ["http://localhost\(path)"]).output
            }

            func json(_ path: String, _ arguments: String...) async throws -> JSONValue {
                let socket = demo.installation.folder.file("data/holdfast.sock")
                let outcome = try await SpawnedTool.curl.run(["-sS", "--unix-socket", socket] + arguments + ["http://localhost\(path)"])
                return try JSONValue(parsing: Array(outcome.output.utf8))
            }

            func change(_ settings: String) async throws -> JSONValue {
                try await json("/api/v1/settings", "-X", "PATCH", "-H", "Content-Type: application/json", "-d", settings)
            }
        }

        private static func configuration() -> SpawnedConfiguration {
            var configuration = SpawnedConfiguration()
            configuration.logLevel = "trace\n  format: json"
            return configuration
        }

        @Test("N29 metrics, health and JSON logs hold no token, plaintext or proxy password, and each log line is one JSON object")
        func canaries() async throws {
            let demo = try await RunningDemo(ObservationTests.configuration())
            let management = Management(demo: demo)
            let secret = try RandomBytes.generate(32)
            let blob = try #require(try await demo.caller.wrap(secret).bytes("wrappedBlob"))
            _ = try await demo.caller.unwrap(blob)
            let changed = try await management.change(
                #"{"proxy_url":"http://127.0.0.1:1","proxy_credentials":{"user":"u","password":"canary-proxy-password"},"log_level":"trace"}"#)
            #expect(changed["proxy_has_credentials"] == true)
            let texts = [
                try await management.call("/metrics"), try await management.call("/api/v1/health"), try await management.call("/api/v1/settings"),
                try await management.call("/api/v1/audit?limit=1000"), try await management.call("/api/v1/audit/export?format=csv"),
            ]
            let signature = demo.caller.token.split(separator: ".").last.map(String.init) ?? ""
            let canaries = [
                SpawnedCanary("plaintext", bytes: secret), SpawnedCanary("token", text: signature),
                SpawnedCanary("proxy password", text: "canary-proxy-password"),
            ]
            try await demo.server.stop()
            for text in texts + [demo.server.log] { #expect(canaries.flatMap { $0.traces(in: Array(text.utf8)) } == []) }
            let lines = demo.server.log.split(separator: "\n")
            #expect(lines.count >= 3)
            for line in lines {
                let value = try JSONValue(parsing: Array(line.utf8))
                #expect(value["time"]?.string.flatMap(RFC3339.parse) != nil && value["level"] != nil && value["message"] != nil)
            }
        }

        @Test("metrics count what was served, and are read by Prometheus' own parser")
        func metrics() async throws {
            let demo = try await RunningDemo()
            let management = Management(demo: demo)
            let blob = try #require(try await demo.caller.wrap([1, 2, 3]).bytes("wrappedBlob"))
            for _ in 0..<5 { _ = try await demo.caller.unwrap(blob) }
            let samples = try await PrometheusParser.parse(management.call("/metrics"))
            func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
                samples.first { $0.name == name && $0.labels.merging(labels) { $1 } == $0.labels }?.value
            }
            #expect(value("holdfast_requests_total", ["method": "unwrap", "outcome": "allowed"]) == 5)
            #expect(value("holdfast_request_seconds_count", ["method": "unwrap", "outcome": "allowed"]) == 5)
            #expect(value("holdfast_token_cache_hits_total") == 5 && value("holdfast_token_verifications_total") == 1)
            #expect(value("holdfast_key_cache_misses_total") == 1 && value("holdfast_key_cache_hits_total") == 5)
            #expect(try #require(value("holdfast_audit_sync_seconds_count")) >= 6.0)
            #expect(try #require(value("holdfast_certificate_expiry_seconds", ["listener": "management"])) > 86_400.0)
            #expect(value("holdfast_audit_healthy") == 1)
            #expect(try #require(value("process_resident_memory_bytes")) > 1_000_000.0)
        }

        @Test("a search finds what was written before a crash, once, after the next start")
        func crash() async throws {
            let demo = try await RunningDemo()
            for number in 0..<20 { _ = try await demo.caller.wrap([UInt8(number)]) }
            try await demo.server.crash()
            let again = try await demo.installation.serve()
            let management = Management(demo: demo)
            let found = try await management.json("/api/v1/audit?event=ekm.wrap&limit=1000")
            #expect(found["total"] == 20 && found["is_complete"] == true)
            let numbers = found["items"]?.array?.compactMap { $0["seq"]?.integer } ?? []
            #expect(Set(numbers).count == 20)
            #expect(try await management.json("/api/v1/audit/verify", "-X", "POST")["is_intact"] == true)
            try await again.stop()
        }

        @Test("a limit and the log's level count for what comes after the answer that set them")
        func settings() async throws {
            let demo = try await RunningDemo()
            let management = Management(demo: demo)
            #expect(!demo.server.log.contains("request not served"))
            _ = try await management.change(#"{"limits":{"max_body_bytes":262144},"log_level":"debug"}"#)
            #expect(try await status(demo, bodyBytes: 300_000) == "413")
            _ = try await SpawnedTool.curl.run(try demo.curlArguments("{}", method: "unwrap", token: "none"))
            #expect(demo.server.log.contains("request not served"), "told at the level debug")
            _ = try await management.change(#"{"limits":null}"#)
            #expect(try await status(demo, bodyBytes: 300_000) == "400")
        }

        /// The status of a wrap whose body is so long and no JSON.
        private func status(_ demo: RunningDemo, bodyBytes: Int) async throws -> String {
            let arguments = try demo.curlArguments(String(repeating: "x", count: bodyBytes), method: "wrap")
            return try await SpawnedTool.curl.run(["-o", "/dev/null", "-w", "%{http_code}"] + arguments).output
        }
    }
}
