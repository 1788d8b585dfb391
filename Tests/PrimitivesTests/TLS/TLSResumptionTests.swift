import Testing

@testable import Primitives

@Suite("TLS resumption") struct TLSResumptionTests {
    static let versions = ["-tls1_2", "-tls1_3"]
    let certificates: TLSTestCertificates
    let scratch = ScratchFolder()

    init() throws { certificates = try TLSTestCertificates.shared.get() }

    /// Connects, with the session of an earlier connection if there is one, and keeps the new one.
    private func connect(
        _ server: TLSTestServer, _ version: String, name: String = "localhost", from: String? = nil, to: String? = nil, client: String? = nil
    ) async throws -> Command.Result {
        var command = Command(["openssl", "s_client", "-connect", server.address, "-servername", name, "-CAfile", certificates.path("root.pem"), "-ign_eof", version])
        if let from { command.line += ["-sess_in", scratch.path(from)] }
        if let to { command.line += ["-sess_out", scratch.path(to)] }
        if let client { command.line += ["-cert", "\(client).pem", "-key", "\(client).key"] }
        command.input = "who\n"
        command.folder = certificates.path("")
        return try await command.run()
    }

    @Test("a session is resumed from its ticket, with everything that was agreed", arguments: versions)
    func resumes(version: String) async throws {
        try await TLSTestServer.run([certificates.identity("localhost", for: ["localhost"], clients: .optional(trustPEM: certificates.pem("root")))]) { server in
            let first = try await connect(server, version, to: "session", client: "client")
            #expect(first.output.contains("New, TLS") && first.output.contains("a client certificate"), "\(first)")
            let second = try await connect(server, version, from: "session", client: "client")
            #expect(second.output.contains("Reused, TLS") && second.output.contains("a client certificate"), "\(second)")
            #expect(server.handshakes.map(\.isResumed) == [false, true])
            #expect(server.handshakes.map(\.serverName) == ["localhost", "localhost"])
            #expect(server.handshakes.map(\.clientCertificateDER) == [try certificates.der("client"), try certificates.der("client")])
        }
    }

    @Test("without a ticket there is nothing to resume, and all goes well")
    func noTicket() async throws {
        try await TLSTestServer.run([certificates.identity("localhost", for: ["localhost"])]) { server in
            for version in Self.versions {
                let result = try await server.openssl(version, "-no_ticket", "-sess_out", scratch.path("none"), input: "who\n")
                #expect(result.output.contains("no client certificate"), "\(result)")
            }
            let again = try await server.openssl("-tls1_2", "-no_ticket", "-sess_in", scratch.path("none"), input: "who\n")
            #expect(again.output.contains("New, ") || again.errors.contains("session"), "\(again)")
            #expect(!server.handshakes.contains { $0.isResumed })
        }
    }

    @Test("a session from one identity is not resumed under another that demands client certificates", arguments: versions)
    func notAcrossIdentities(version: String) async throws {
        let root = try certificates.pem("root")
        let identities = [
            try certificates.identity("localhost", for: ["localhost"]), try certificates.identity("strict", for: ["strict.test"], clients: .required(trustPEM: root)),
            try certificates.identity("wild", for: ["*.wild.test"], clients: .required(trustPEM: certificates.pem("other"))),
        ]
        try await TLSTestServer.run(identities) { server in
            _ = try await connect(server, version, to: "open")
            let bare = try await connect(server, version, name: "strict.test", from: "open")
            #expect(!bare.output.contains("client certificate\n"), "\(bare)")
            #expect(server.handshakes.count == 1)
            let shown = try await connect(server, version, name: "strict.test", from: "open", to: "strict", client: "client")
            #expect(shown.output.contains("New, ") && shown.output.contains("a client certificate"), "\(shown)")
            let other = try await connect(server, version, name: "a.wild.test", from: "strict", client: "client")
            #expect(!other.output.contains("client certificate\n"), "trusted there, not here: \(other)")
            let back = try await connect(server, version, name: "strict.test", from: "strict")
            #expect(back.output.contains("Reused, ") && back.output.contains("a client certificate"), "\(back)")
            #expect(server.handshakes.map(\.isResumed) == [false, false, true])
        }
    }

    @Test("the default identity's demands hold against sessions of the others too", arguments: versions)
    func notIntoDefault(version: String) async throws {
        let identities = [
            try certificates.identity("strict", for: ["strict.test"], clients: .required(trustPEM: certificates.pem("root"))),
            try certificates.identity("localhost", for: ["localhost"]),
        ]
        try await TLSTestServer.run(identities) { server in
            #expect(try await connect(server, version, to: "open").output.contains("no client certificate"))
            for name in ["strict.test", "unknown.test"] {
                let result = try await connect(server, version, name: name, from: "open")
                #expect(!result.output.contains("client certificate\n"), "\(result)")
            }
            #expect(server.handshakes.count == 1)
        }
    }

    @Test("tickets under the key before last still open, and are renewed under the new one", arguments: versions)
    func rotation(version: String) async throws {
        let keys = TLSTicketKeys()
        try await TLSTestServer.run([certificates.identity("localhost", for: ["localhost"])], ticketKeys: keys) { server in
            #expect(try await connect(server, version, to: "first").output.contains("New, "))
            let oldName = try keys.current().name
            try keys.rotate()
            #expect(try keys.current().name != oldName)
            let second = try await connect(server, version, from: "first", to: "second")
            #expect(second.output.contains("Reused, "), "\(second)")
            #expect(second.output.contains(ticketName(try keys.current().name)), "the renewed ticket names the new key: \(second)")
            guard version == "-tls1_3" else { return }  // s_client writes no file for a renewed session of TLS 1.2
            let third = try await connect(server, version, from: "second")
            #expect(third.output.contains("Reused, "), "\(third)")
        }
    }

    /// The first line of a ticket in s_client's dump: the key's name.
    private func ticketName(_ name: [UInt8]) -> String {
        let digits = name.map { Hex.string([$0]) }
        return "0000 - " + digits[0..<8].joined(separator: " ") + "-" + digits[8..<16].joined(separator: " ")
    }

    @Test("tickets under a key that has aged out don't open", arguments: versions)
    func expiry(version: String) async throws {
        let keys = TLSTicketKeys(period: .milliseconds(1))
        try await TLSTestServer.run([certificates.identity("localhost", for: ["localhost"])], ticketKeys: keys) { server in
            _ = try await connect(server, version, to: "first")
            try await Task.sleep(for: .milliseconds(10))
            let second = try await connect(server, version, from: "first")
            #expect(second.output.contains("New, ") && second.output.contains("no client certificate"), "\(second)")
        }
    }

    @Test("tickets of another server's keys don't open, and do no harm", arguments: versions)
    func foreignTickets(version: String) async throws {
        let identity = try certificates.identity("localhost", for: ["localhost"])
        try await TLSTestServer.run([identity]) { server in _ = try await connect(server, version, to: "foreign") }
        try await TLSTestServer.run([identity]) { server in
            let result = try await connect(server, version, from: "foreign")
            #expect(result.output.contains("New, ") && result.output.contains("no client certificate"), "\(result)")
        }
    }

    @Test("keys age: sealing changes each period, opening ends after three")
    func ages() async throws {
        let keys = TLSTicketKeys(period: .seconds(1))
        let (name, _) = try keys.current()
        #expect(isKnown(name, keys) == false, "known and not stale")
        try keys.rotate()
        #expect(isKnown(name, keys) == true, "known and stale")
        try await Task.sleep(for: .milliseconds(3001))
        #expect(isKnown(name, keys) == nil)
        #expect(isKnown([UInt8](repeating: 0, count: 16), keys) == nil)
        #expect(try keys.current().name != name)
    }

    /// Whether the key of that name is stale; nil if there is none.
    private func isKnown(_ name: [UInt8], _ keys: TLSTicketKeys) -> Bool? { name.withUnsafeBufferPointer { keys.find($0)?.isStale } }

    @Test("many threads at once take and rotate keys")
    func concurrentKeys() async {
        let keys = TLSTicketKeys(period: .nanoseconds(1))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<300 {
                        guard let name = try? keys.current().name else {
                            Issue.record("no key")
                            return
                        }
                        _ = isKnown(name, keys)
                        try? keys.rotate()
                    }
                }
            }
        }
    }
}
