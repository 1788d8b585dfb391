import Foundation
import FrontDoors
import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("Salesforce callout over TLS") struct CalloutWireTests {
    private static let host = "ekm.example.com"

    /// Serves the fixture's data plane on a real listener that asks for client certificates, for the time of `body`.
    private func serve(_ door: SalesforceFixture, _ body: (Int) async throws -> Void) async throws {
        let certificates = try WireCertificates.shared.get()
        let identity = TLSServerIdentity(
            serverNames: [Self.host], certificatePEM: try certificates.text("ekm.pem"),
            privateKeyPEM: SharedSecret(SecretBytes(copying: try certificates.text("ekm.key").utf8)), clientCertificates: .pinned)
        var limits = ListenerLimits()
        limits.drainTimeout = .milliseconds(500)
        let listener = try Listener(
            handler: door.plane, tls: try TLSServerContext(identities: [identity], ticketKeys: TLSTicketKeys()), limits: limits, threads: 2,
            clock: door.clock.wall, logger: .quiet)
        let port = try await listener.start(host: "127.0.0.1", port: 0)
        do { try await body(port) } catch {
            await listener.drain()
            throw error
        }
        await listener.drain()
    }

    private func curl(_ port: Int, _ path: String, _ arguments: [String] = []) async throws -> String {
        let folder = try WireCertificates.shared.get().folder.path
        return try await WirePeer.run("curl", [
            "-sS", "--cacert", "\(folder)/ca.pem", "--resolve", "\(Self.host):\(port):127.0.0.1", "-A", "SFDC-Callout/62.0",
            "-H", "Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "--http1.1",
        ] + arguments + ["https://\(Self.host):\(port)\(path)"], in: folder)
    }

    @Test("SFC-1 SFC-11 curl gets the key with Content-Length, not in chunks, and not to be stored")
    func framing() async throws {
        let door = try await SalesforceFixture()
        try await serve(door) { port async throws in
            let text = try await curl(port, "/sfdc/org-1//\(SalesforceFixture.identifier)?requestId=n1", ["-i", "-u", "\(door.user):\(door.password)"])
            let head = text.components(separatedBy: "\r\n\r\n")[0].lowercased()
            #expect(head.hasPrefix("http/1.1 200"))
            #expect(head.contains("content-length: ") && !head.contains("transfer-encoding"))
            #expect(head.contains("content-type: application/json; charset=utf-8") && head.contains("cache-control: no-store"))
            let body = Array(try #require(text.components(separatedBy: "\r\n\r\n").last).utf8)
            #expect(CalloutCheck(identifier: SalesforceFixture.identifier, nonce: "n1", privateKey: try door.org.privateKey)
                .judge(status: 200, body: body).verdict == .success)
        }
    }

    @Test("SFC-16 mutual TLS: the pinned self-signed certificate gets 200, another or none 401, another host than the handshake's 421")
    func mutualTLS() async throws {
        var options = SalesforceFixture.Options(usesPassword: false)
        options.change = { $0.authentication.clientCertificates = [try SalesforceOrg.shared.get().fingerprint("client")] }
        let door = try await SalesforceFixture(options)
        let path = "/sfdc/org-1/\(SalesforceFixture.identifier)"
        func certificate(_ name: String) throws -> [String] { ["--cert", try door.org.path("\(name).crt"), "--key", try door.org.path("\(name).key")] }
        let (own, other) = (try certificate("client"), try certificate("other-client"))
        let status = ["-o", "/dev/null", "-w", "%{http_code}"]
        try await serve(door) { port async throws in
            #expect(try await curl(port, path, status + own) == "200")
            #expect(try await curl(port, path, status + other) == "401")
            #expect(try await curl(port, path, status) == "401")
            #expect(try await curl(port, path, status + own + ["-H", "Host: other.example.com"]) == "421")
        }
    }

    private static var python: String {
        let root = URL(fileURLWithPath: RawPeer.folder).deletingLastPathComponent().deletingLastPathComponent()
        return root.appendingPathComponent(".build/conformance/bin/python").path
    }

    @Test(
        "SFC-6 an independent library, Python's joserfc, decrypts the answer to the key that was made",
        .enabled(if: FileManager.default.isExecutableFile(atPath: python), "joserfc is not installed: `make conformance` does it"))
    func joserfc() async throws {
        let source = FakeKeySource(keepsMaterial: true)
        source.generates(CalloutVector.key)
        let door = try await SalesforceFixture(.init(source: source))
        let jwe = try #require(await door.callout(nonce: "n1")["jwe"])
        let script = """
            import sys
            from joserfc import jwe
            from joserfc.jwk import RSAKey
            registry = jwe.JWERegistry(strict_check_header=False, algorithms=["RSA-OAEP", "A256GCM"])
            found = jwe.decrypt_compact(sys.argv[1], RSAKey.import_key(open(sys.argv[2]).read()), registry=registry)
            print(found.plaintext.hex(), sorted(found.headers().items()))
            """
        let file = try EKMScratch()
        try script.write(toFile: file.path + "/open.py", atomically: true, encoding: .utf8)
        let output = try await WirePeer.run(Self.python, [file.path + "/open.py", jwe, try door.org.path("byok.key")], in: file.path)
        #expect(output.hasPrefix(Hex.string(CalloutVector.key)))
        #expect(output.hasSuffix(
            "[('alg', 'RSA-OAEP'), ('enc', 'A256GCM'), ('jti', 'n1'), ('kid', '\(SalesforceFixture.identifier)')]"))
    }

    @Test("SFC-24 fifty callouts at once are all answered with the key")
    func crowd() async throws {
        let door = try await SalesforceFixture()
        try await serve(door) { port async throws in
            let script = """
                import base64
                def one(n):
                    def work():
                        answer = Conversation().ask(get('/sfdc/org-1/%s?requestId=crowd%d' % (ARGS[0], n), 'Authorization: Basic %s\\r\\n' % ARGS[1]))
                        expect(answer.status == 200, answer.status)
                        expect(json.loads(answer.body)['kid'] == ARGS[0])
                    return work
                run(*[one(n) for n in range(50)])
                print('served')
                """
            #expect(try await WirePeer.python(script, port: port, [SalesforceFixture.identifier, String(door.basic.dropFirst(6))]) == "served")
        }
        #expect(door.records.count { $0.outcome == .allowed } == 50)
    }
}
