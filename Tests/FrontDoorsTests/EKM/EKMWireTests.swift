import Foundation
import FrontDoors
import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("Google EKM over the wire") struct EKMWireTests {
    @Test("EKM-46 a self-signed leaf is accepted by a client that pins only the leaf, and by no other; wrap and unwrap work over HTTP/2")
    func pinnedLeaf() async throws {
        let ekm = try await EKMFixture()
        let token = try ekm.token.signed(by: try EKMTestIssuer.google.get())
        try await withListener(DataPlane(ekm: ekm.door, isReady: { true }), identities: ["self"], clock: ekm.clock.wall) { wire in
            let client = HTTPClient()
            func send(_ method: String, _ body: String, trusting file: String) async throws -> HTTPClientResponse {
                var connection = HTTPClientConnection()
                connection.trust = .pem(Array(try wire.certificates.text(file).utf8))
                connection.addressOverrides = [HTTPClientAddressOverride(host: "ekm.example.com", port: UInt16(wire.port), addresses: ["127.0.0.1"])]
                var request = HTTPClientRequest(
                    method: "POST", url: "https://ekm.example.com:\(wire.port)/\(ekm.path):\(method)",
                    headers: [HTTPClientHeader("Content-Type", "application/json"), HTTPClientHeader("Authorization", "Bearer \(token)")], body: Array(body.utf8),
                    connection: connection)
                (request.connectTimeout, request.totalTimeout) = (.seconds(60), .seconds(60))
                return try await client.send(request)
            }
            let wrapped = try await send("wrap", #"{"plaintext":"ZGVr"}"#, trusting: "self.pem")
            #expect(wrapped.status == 200 && wrapped.header("content-type") == "application/json" && wrapped.header("cache-control") == "no-store")
            let blob = try #require(try JSONValue(parsing: wrapped.body)["wrappedBlob"]?.string)
            let back = try await send("unwrap", #"{"wrappedBlob":"\#(blob)"}"#, trusting: "self.pem")
            #expect(back.body == Array(#"{"plaintext":"ZGVr"}"#.utf8))
            await #expect(throws: HTTPClientError.self) { try await send("wrap", "{}", trusting: "ca.pem") }
            client.close()
        }
    }

    @Test("EKM-17 the audience has no port, whatever port the listener has, and Host is not asked")
    func port() async throws {
        let ekm = try await EKMFixture()
        try await withListener(DataPlane(ekm: ekm.door, isReady: { true }), clock: ekm.clock.wall) { wire in
            let google = try EKMTestIssuer.google.get()
            var tokens = [try ekm.token.signed(by: google)]
            for audience in ["https://ekm.example.com:\(wire.port)", "https://localhost", "https://127.0.0.1"] {
                tokens.append(try ekm.token.with(["aud": "\"\(audience)\""]).signed(by: google))
            }
            let text = try await wire.peer("""
                c = Conversation()
                for token in ARGS[1:]:
                    print(c.ask(post('/%s:wrap' % ARGS[0], '{"plaintext":"ZGVr"}', 'Authorization: Bearer %s\\r\\n' % token)).status)
                """, [ekm.path] + tokens)
            #expect(text == "200\n401\n401\n401")
        }
    }

    @Test("N22 20,000 mixed requests (valid and seven kinds of invalid) over 64 connections at once: none misjudged")
    func mixed() async throws {
        let ekm = try await EKMFixture()
        let folder = try EKMScratch()
        try JSONEncoder().encode(try await cases(ekm)).write(to: URL(fileURLWithPath: folder.path + "/cases.json"))
        try await withListener(DataPlane(ekm: ekm.door, isReady: { true }), clock: ekm.clock.wall) { wire in
            let text = try await wire.peer("""
                import random
                cases = [(c, ('POST %s HTTP/1.1\\r\\nHost: a\\r\\nContent-Type: application/json\\r\\nAuthorization: Bearer %s\\r\\nContent-Length: %d\\r\\n\\r\\n%s'
                    % (c['target'], c['token'], len(c['body']), c['body'])).encode()) for c in json.load(open(ARGS[0]))]
                judged = {}
                def work(seed):
                    order, c = random.Random(seed), Conversation()
                    for _ in range(20000 // 64 + 1):
                        case, text = order.choice(cases)
                        a = c.ask(text)
                        expect(a.status == case['status'], case['kind'], a.status, a.body)
                        if case['status'] == 200: expect(case['answer'].encode() in a.body, case, a.body)
                        else: expect(b'plaintext' not in a.body and b'wrappedBlob' not in a.body, a.body)
                        judged[seed] = judged.get(seed, 0) + 1
                run(*[lambda seed=seed: work(seed) for seed in range(64)])
                print(sum(judged.values()))
                """, [folder.path + "/cases.json"])
            #expect(text == "20032")
            #expect(ekm.audit.records.count >= 20_032)
            #expect(ekm.door.counters.all.values.reduce(0, +) >= 20_032)
        }
    }

    private struct Case: Encodable {
        let kind, target, token, body: String
        let status: Int
        var answer = ""
    }

    private func cases(_ ekm: EKMFixture) async throws -> [Case] {
        let google = try EKMTestIssuer.google.get(), stranger = try EKMTestIssuer.stranger.get()
        var cases: [Case] = []
        for number in 0..<40 {
            let draft = ekm.token.with(["sub": "\"\(number)\""])
            let good = try draft.signed(by: google)
            let dek = Base64.string(Array("dek-\(number)".utf8))
            let aad = Array("aad-\(number)".utf8)
            let blob = Base64.string(try await ekm.blob(Array("dek-\(number)".utf8), aad: aad))
            let unwrap = EKMFixture.body("wrappedBlob", blob, aad)
            let wrong = try draft.with(["aud": #""https://other.example.com""#]).signed(by: google)
            let bad: [(String, String, Int)] = [
                ("stranger", try draft.signed(by: stranger), 401), ("expired", try draft.with(["iat": "1", "exp": "\(ekm.clock.now.seconds - 61)"]).signed(by: google), 401),
                ("audience", wrong, 401), ("spliced", draft.signedText + "." + wrong.split(separator: ".")[2], 401),
                ("client", try draft.with(["email": #""other\#(number)@example.com""#]).signed(by: google), 403),
                ("unverified", try draft.with(["email_verified": "false"]).signed(by: google), 401),
            ]
            cases.append(Case(kind: "wrap", target: "/\(ekm.path):wrap", token: good, body: EKMFixture.body("plaintext", dek), status: 200, answer: "wrappedBlob"))
            cases.append(Case(kind: "unwrap", target: "/\(ekm.path):unwrap", token: good, body: unwrap, status: 200, answer: "\"\(dek)\""))
            cases.append(Case(kind: "aad", target: "/\(ekm.path):unwrap", token: good, body: EKMFixture.body("wrappedBlob", blob, [1]), status: 400))
            for (kind, token, status) in bad { cases.append(Case(kind: kind, target: "/\(ekm.path):unwrap", token: token, body: unwrap, status: status)) }
        }
        return cases
    }

    @Test("N23 500 connections that wrap and unwrap for eight seconds: every answer is right, and nothing is left over")
    func soak() async throws {
        let ekm = try await EKMFixture()
        let token = try ekm.token.signed(by: try EKMTestIssuer.google.get())
        try await withListener(DataPlane(ekm: ekm.door, isReady: { true }), clock: ekm.clock.wall) { wire in
            let text = try await wire.peer("""
                import asyncio
                context = ssl.create_default_context(cafile=CERTS + '/ca.pem')
                done = [0]
                async def ask(r, w, method, body):
                    w.write(post('/%s:%s' % (ARGS[0], method), body, 'Authorization: Bearer %s\\r\\n' % ARGS[1]).encode())
                    head = (await r.readuntil(b'\\r\\n\\r\\n')).decode().split('\\r\\n')
                    length = [int(l.split(':')[1]) for l in head if l.lower().startswith('content-length')][0]
                    expect(head[0].split()[1] == '200', head)
                    return json.loads(await r.readexactly(length))
                async def client(number, start):
                    r, w = await asyncio.open_connection('127.0.0.1', PORT, ssl=context, server_hostname='ekm.example.com', ssl_handshake_timeout=60)
                    start['open'] += 1
                    while start['open'] < 500: await asyncio.sleep(0.05)
                    end = time.monotonic() + 8
                    while time.monotonic() < end:
                        blob = (await ask(r, w, 'wrap', '{"plaintext":"%08d"}' % number))['wrappedBlob']
                        expect((await ask(r, w, 'unwrap', '{"wrappedBlob":"%s"}' % blob))['plaintext'] == '%08d' % number)
                        done[0] += 1
                        await asyncio.sleep(0.2)
                    w.close()
                async def main():
                    start = {'open': 0}
                    await asyncio.wait_for(asyncio.gather(*[client(n, start) for n in range(500)]), 240)
                asyncio.run(main())
                expect(done[0] >= 500, done)
                print('fine')
                """, [ekm.path, token])
            #expect(text == "fine")
            let isEmpty = try await WireFixture.eventually { wire.listener.gate.connections == 0 && wire.listener.gate.requestsInFlight == 0 }
            #expect(isEmpty)
            #expect(ekm.tokens.counts.rejections == 0)
        }
    }
}
