import FrontDoors
import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("Listener over HTTP/2") struct ListenerHTTP2Tests {
    @Test("a hundred streams of one connection are answered at the same time; a quick one overtakes slow ones")
    func concurrentStreams() async throws {
        let handler = WireHandler()
        try await withListener(handler) { wire in
            let peer = Task {
                try await wire.peer("""
                    c = Frames()
                    allowed = []
                    def settings(bodies, frame):
                        kind, flags, stream, payload = frame
                        if kind != 4 or flags & 1: return False
                        for i in range(0, len(payload), 6):
                            key, value = struct.unpack('>HI', payload[i:i + 6])
                            if key == 3: allowed.append(value)
                        return True
                    c.serve(settings)
                    for n in range(100): c.headers(2 * n + 1, '/slow/%d' % n)
                    c.headers(201, '/quick')
                    order, ended = [], set()
                    def until(bodies, frame):
                        kind, flags, stream, payload = frame
                        if kind == 0 and payload: order.append(stream)
                        if kind in (0, 1) and flags & 1: ended.add(stream)
                        return len(ended) == 101
                    bodies = c.serve(until)
                    for n in range(100): expect(bodies[2 * n + 1].startswith(b'GET /slow/%d 0' % n))
                    print(order[0], allowed)
                    """)
            }
            let isFull = try await WireFixture.eventually { handler.waiting == 100 && handler.seen.contains("/quick") }
            #expect(isFull && wire.listener.gate.connections == 1)
            try await Task.sleep(for: .milliseconds(500))
            handler.open()
            #expect(try await peer.value == "201 [128]")
        }
    }

    @Test("a flood of streams opened and reset ends the connection, not the service")
    func rapidReset() async throws {
        let handler = WireHandler()
        try await withListener(handler) { wire in
            let text = try await wire.peer("""
                c = Frames()
                try:
                    for n in range(20000):
                        c.headers(2 * n + 1, '/slow')
                        c.frame(3, 0, 2 * n + 1, struct.pack('>I', 8))
                    c.serve(lambda bodies, frame: False)
                except (EOFError, ConnectionError, ssl.SSLError): print('ended')
                expect(Conversation().ask(get()).status == 200)
                """)
            #expect(text == "ended")
            #expect(handler.waiting < 2000)
            handler.open()
            let isEmpty = try await WireFixture.eventually { wire.listener.gate.requestsInFlight == 0 }
            #expect(isEmpty)
        }
    }

    @Test("what breaks the protocol ends the stream or the connection, and nothing else", arguments: [
        "c.headers(1, '/x', 'HEAD', more=[('content-length', '-5')])", "c.headers(1, '/x', 'POST', more=[('content-length', '99')])", "c.headers(2, '/x')",
        "c.headers(1, '/x', more=[('X-Upper', 'a')])", "c.headers(1, '/x', more=[('connection', 'close')])", "c.headers(1, '/x', more=[('transfer-encoding', 'chunked')])",
        "c.frame(1, 5, 1, b'\\xff' * 50)", "c.frame(0, 1, 1, b'data first')", "c.frame(9, 4, 1, b'')", "c.send(b'\\xff\\xff\\xff\\1\\4\\0\\0\\0\\1')", "c.headers(1, '')",
        "c.headers(1, '/x', more=[(':path', '/y')])", "c.frame(1, 5, 1, b'\\0\\7:method\\3GET')", "[c.headers(1, '/x', more=[('x-%d' % n, 'y' * 120) for n in range(100)] * 4)]",
        "c.frame(2, 0, 1, b'\\0\\0\\0\\1\\0')", "c.frame(8, 0, 0, b'\\0\\0\\0\\0')",
    ])
    func broken(step: String) async throws {
        try await withListener { wire in
            let text = try await wire.peer("""
                c = Frames()
                c.s.settimeout(2)
                try:
                    \(step)
                    c.serve(lambda bodies, frame: frame[0] in (3, 7) or frame[0] == 0 and frame[1] & 1)
                except (EOFError, OSError): pass
                expect(Conversation().ask(get()).status == 200)
                f = Frames()
                f.headers(1, '/fine')
                print(f.serve(lambda bodies, frame: frame[1] & 1 and frame[0] == 0)[1].decode())
                """)
            #expect(text == "GET /fine 0 127.0.0.1")
        }
    }

    @Test("libcurl gets its answers over HTTP/2: a body, a refusal for size, and 503")
    func curl() async throws {
        try await withListener(limits: { $0.maxRequestsInFlight = 1 }) { wire in
            let client = HTTPClient()
            var connection = HTTPClientConnection()
            connection.trust = .file(wire.certificates.folder.path + "/ca.pem")
            connection.addressOverrides = [HTTPClientAddressOverride(host: "ekm.example.com", port: UInt16(wire.port), addresses: ["127.0.0.1"])]
            func send(_ count: Int) async throws -> HTTPClientResponse {
                var request = HTTPClientRequest(
                    method: "POST", url: "https://ekm.example.com:\(wire.port)/x", body: [UInt8](repeating: 1, count: count), connection: connection)
                request.totalTimeout = .seconds(60)
                return try await client.send(request)
            }
            let fine = try await send(512 << 10)
            #expect(fine.status == 200 && String(decoding: fine.body, as: UTF8.self) == "POST /x 524288 127.0.0.1")
            for count in [(512 << 10) + 1, 5 << 20] {
                let large = try await send(count)
                #expect(large.status == 413 && String(decoding: large.body, as: UTF8.self).hasPrefix("body larger"))
            }
            #expect(try await send(10).status == 200)
            client.close()
        }
    }
}
