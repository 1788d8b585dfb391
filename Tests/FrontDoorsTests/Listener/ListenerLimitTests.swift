import Foundation
import FrontDoors
import KeyCore
import Plugins
import TestSupport
import Testing

@testable import Primitives

@Suite("Listener limits") struct ListenerLimitTests {
    @Test("connections beyond the total are closed at once, and there is room again when one goes")
    func total() async throws {
        try await withListener(limits: { $0.maxConnections = 3 }) { wire in
            let text = try await wire.peer("""
                held = [Conversation() for _ in range(3)]
                for c in held: expect(c.ask(get()).status == 200)
                for _ in range(5):
                    try: Conversation()
                    except (OSError, ssl.SSLError): pass
                    else: raise AssertionError('a fourth connection')
                for c in held: expect(c.ask(get()).status == 200)
                held.pop().s.close()
                for attempt in range(1000):
                    try: c = Conversation(); break
                    except (OSError, ssl.SSLError): time.sleep(0.05)
                expect(c.ask(get()).status == 200)
                print('ok')
                """)
            #expect(text == "ok")
        }
    }

    @Test("connections beyond those of one address are closed at once; another address isn't hurt")
    func perAddress() async throws {
        try await withListener(limits: { $0.maxConnectionsPerAddress = 2 }) { wire in
            let text = try await wire.peer("""
                held = [Conversation() for _ in range(2)]
                try: Conversation()
                except (OSError, ssl.SSLError): pass
                else: raise AssertionError('a third connection')
                other = Conversation(tls(source='127.0.0.2'))
                expect(other.ask(get()).body.endswith(b'127.0.0.2'))
                for c in held: expect(c.ask(get()).status == 200)
                print('ok')
                """)
            #expect(text == "ok")
        }
    }

    @Test("EKM-35 beyond the requests in flight the answer is 503 with Retry-After at once, and the admitted ones are served")
    func inFlight() async throws {
        let handler = WireHandler()
        try await withListener(handler, limits: { $0.maxRequestsInFlight = 2 }) { wire in
            let peer = Task { try await wire.peer("""
                slow = [Conversation(), Conversation()]
                for c in slow: c.send(get('/slow'))
                probe = Conversation()
                while True:
                    a = probe.ask(get('/probe'))
                    if a.status == 503: break
                for _ in range(20):
                    a = probe.ask(get('/probe'))
                    expect(a.status == 503 and a.one('retry-after') == '1' and a.one('connection') is None, a.status, a.fields)
                expect(probe.ask(get('/open')).status == 503)
                print('full', flush=True)
                """) }
            let isFull = try await WireFixture.eventually { handler.waiting == 2 }
            let text = try await peer.value
            #expect(isFull && text == "full")
            #expect(wire.listener.gate.requestsInFlight <= 2)
            handler.open()
            #expect(try await WireFixture.eventually { wire.listener.gate.requestsInFlight == 0 })
            #expect(try await wire.peer("print(Conversation().ask(get()).status)") == "200")
        }
    }

    @Test("EKM-35 the EKM's 503 under overload is a google.rpc.Status with one Retry-After")
    func ekmOverload() async throws {
        let source = EKMTestKeySource(EmbeddedKeySource())
        var options = EKMFixture.Options()
        options.source = source
        let ekm = try await EKMFixture(options)
        try await withListener(DataPlane(ekm: ekm.door, isReady: { true }), clock: ekm.clock.wall, limits: { $0.maxRequestsInFlight = 0 }) { wire in
            let text = try await wire.peer("""
                c = Conversation()
                a = c.ask(post('/x:wrap', '{}'))
                print(a.status, a.all('retry-after'), json.loads(a.body)['code'])
                """)
            #expect(text == "503 ['1'] 14")
        }
    }

    @Test("thousands of pipelined requests in overload are all answered with 503: nothing overflows")
    func pipelinedOverload() async throws {
        try await withListener(limits: { $0.maxRequestsInFlight = 0 }) { wire in
            let text = try await wire.peer("""
                c = Conversation()
                def send(): c.send(get('/') * 20000)
                def read():
                    for _ in range(20000): expect(c.answer().status == 503)
                run(send, read)
                print('ok')
                """)
            #expect(text == "ok")
        }
    }

    @Test("a header larger than the limit, too many fields, or a longer target: 431 and the end", arguments: [
        "get('/x', 'X: ' + 'a' * 40000 + '\\r\\n')", "get('/x', ''.join('X-%d: y\\r\\n' % n for n in range(200)))", "get('/' + 'a' * 40000)",
        "'GET /x HTTP/1.1\\r\\nHost: a\\r\\n' + 'X: ' + 'a' * 2000000",
    ])
    func header(request: String) async throws {
        let handler = WireHandler()
        try await withListener(handler) { wire in
            let text = try await wire.peer("""
                c = Conversation()
                try: c.send(\(request))
                except (ConnectionError, ssl.SSLError): pass
                a = c.answer()
                print(a.status, a.one('connection'), c.ends())
                """)
            #expect(text == "431 close True")
            #expect(handler.seen.isEmpty)
        }
    }

    @Test("EKM-7 a body above 512 KiB gives 413 and the end, announced or not; one of 512 KiB is taken")
    func body() async throws {
        try await withListener { wire in
            let text = try await wire.peer("""
                c = Conversation()
                expect(c.ask(post('/x', 'x' * (512 << 10))).body == b'POST /x 524288 127.0.0.1')
                a = c.ask('POST /x HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 524289\\r\\n\\r\\n')
                expect(a.status == 413 and a.one('connection') == 'close' and c.ends())
                c = Conversation()
                c.send('POST /x HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n')
                for _ in range(8): c.send('10000\\r\\n' + 'x' * 65536 + '\\r\\n')
                a = c.ask('1\\r\\nx\\r\\n')
                expect(a.status == 413 and a.one('connection') == 'close' and c.ends())
                print('ok')
                """)
            #expect(text == "ok")
        }
    }

    @Test("N46 a chunked body of 10 GB is refused at the limit, over HTTP/1.1 and HTTP/2, and memory stays flat")
    func endless() async throws {
        try await withListener { wire in
            let before = try Self.residentBytes()
            let text = try await wire.peer("""
                def endless():
                    c = Conversation()
                    c.send('POST /x HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n')
                    chunk, sent = b'10000\\r\\n' + b'x' * 65536 + b'\\r\\n', 0
                    try:
                        while sent < 10 << 30:
                            c.send(chunk)
                            sent += 65536
                    except (ConnectionError, ssl.SSLError): pass
                    expect(sent < 9 << 30, sent)
                    return c
                def reader():
                    c = Conversation()
                    c.send('POST /x HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n')
                    for _ in range(9): c.send(b'10000\\r\\n' + b'x' * 65536 + b'\\r\\n')
                    expect(c.answer().status == 413)
                def frames():
                    c = Frames()
                    c.headers(1, '/x', 'POST', end=False)
                    state = {'window': 65535, 'sent': 0}
                    def until(bodies, frame):
                        kind, flags, stream, payload = frame
                        if kind == 8 and stream == 1: state['window'] += struct.unpack('>I', payload)[0]
                        if kind in (3, 7) or 1 in bodies: return True
                        while state['window'] >= 16384 and state['sent'] < 600 << 10:
                            c.frame(0, 0, 1, b'x' * 16384)
                            state['window'] -= 16384; state['sent'] += 16384
                        return False
                    bodies = c.serve(until)
                    expect(b'larger than' in bodies.get(1, b''), bodies, state)
                run(*([endless] * 4 + [reader] * 4 + [frames] * 4))
                print('ok')
                """)
            #expect(text == "ok")
            #expect(try Self.residentBytes() - before < 256 << 20)
        }
    }

    @Test("all bodies together are bounded: beyond it 503, and the room comes back")
    func heldBodies() async throws {
        try await withListener(limits: { $0.maxHeldBodyBytes = 1 << 20 }) { wire in
            let text = try await wire.peer("""
                half = 'POST /x HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 400001\\r\\n\\r\\n' + 'x' * 400000
                held = [Conversation(), Conversation()]
                for c in held: c.send(half)
                time.sleep(1)
                c = Conversation()
                a = c.ask(half)
                expect(a.status == 503 and a.one('retry-after') == '1' and c.ends(), a.status)
                for c in held: expect(c.ask('x').status == 200)
                expect(Conversation().ask(half + 'x').status == 200)
                print('ok')
                """)
            #expect(text == "ok")
        }
    }

    @Test("a peer that doesn't read its answers is read no further, and let go after the time for that")
    func unread() async throws {
        try await withListener(limits: { $0.writeTimeout = .seconds(2) }) { wire in
            let before = try Self.residentBytes()
            let text = try await wire.peer("""
                c = Conversation()
                c.s.settimeout(60)
                sent = 0
                try:
                    while sent < 1 << 30:
                        c.send(get('/big') * 100)
                        sent += 100
                    print('never stopped')
                except (ConnectionError, ssl.SSLError): print('cut')
                except socket.timeout: print('still held')
                """)
            #expect(text == "cut")
            #expect(try Self.residentBytes() - before < 256 << 20)
        }
    }

    private static func residentBytes() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return (Int(fields[1]) ?? 0) * 4096
    }
}
