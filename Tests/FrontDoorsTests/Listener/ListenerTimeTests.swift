import Foundation
import FrontDoors
import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("Listener against slow peers") struct ListenerTimeTests {
    @Test("N47 a header that comes byte by byte is cut off in its time, however steadily it comes")
    func slowHeader() async throws {
        let handler = WireHandler()
        try await withListener(handler, limits: { $0.headerTimeout = .seconds(1) }) { wire in
            let text = try await wire.peer("""
                def dribble(text):
                    c = Conversation()
                    try:
                        for n in range(400):
                            c.send(text[n % len(text)])
                            time.sleep(0.1)
                        raise AssertionError('held for 40 s')
                    except (ConnectionError, ssl.SSLError, EOFError): pass
                run(lambda: dribble('GET /x HTTP/1.1\\r\\nHost: a\\r\\n' + 'X: ' + 'y' * 400), lambda: dribble('\\r\\n'))
                c = Conversation()
                a = c.ask('GET /x HTT')
                expect(a.status == 408 and c.ends())
                print('cut')
                """)
            #expect(text == "cut")
            #expect(handler.seen.isEmpty)
        }
    }

    @Test("N47 a body that comes byte by byte is answered with 408 in its time")
    func slowBody() async throws {
        try await withListener(limits: { $0.bodyTimeout = .seconds(1) }) { wire in
            let text = try await wire.peer("""
                def dribble(header, piece):
                    c = Conversation()
                    c.send('POST /x HTTP/1.1\\r\\nHost: a\\r\\n%s\\r\\n\\r\\n' % header)
                    c.s.settimeout(0.1)
                    for n in range(400):
                        try: c.send(piece)
                        except (ConnectionError, ssl.SSLError): break
                        try: c.fill()
                        except socket.timeout: continue
                        break
                    else: raise AssertionError('held for 40 s')
                    c.s.settimeout(60)
                    a = c.answer()
                    expect(a.status == 408 and a.one('connection') == 'close', a.status)
                def stream():
                    c = Frames()
                    c.headers(1, '/x', 'POST', end=False)
                    bodies = c.serve(lambda bodies, frame: 1 in bodies or frame[0] in (3, 7))
                    expect(b'did not arrive' in bodies.get(1, b''), bodies)
                run(lambda: dribble('Content-Length: 1000', 'x'), lambda: dribble('Transfer-Encoding: chunked', '1\\r\\nx\\r\\n'), stream)
                print('ok')
                """)
            #expect(text == "ok")
        }
    }

    @Test("N47 half-open TLS is cut off: silence, half a hello, and garbage")
    func halfOpen() async throws {
        try await withListener(limits: { $0.handshakeTimeout = .seconds(1) }) { wire in
            let text = try await wire.peer("""
                def silent(first):
                    s = tcp()
                    s.sendall(first)
                    try:
                        while s.recv(4096): pass
                    except ConnectionError: pass
                run(lambda: silent(b''), lambda: silent(b'\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xfc'), lambda: silent(b'GET / HTTP/1.1\\r\\n\\r\\n'),
                    lambda: silent(bytes(1000)))
                print('cut')
                """)
            #expect(text == "cut")
        }
    }

    @Test("N47 idle connections end in their time: before a first request, between two, and HTTP/2's whatever the peer confirms")
    func idle() async throws {
        try await withListener(limits: {
            $0.firstRequestTimeout = .seconds(1)
            $0.idleTimeout = .seconds(1)
            $0.drainTimeout = .seconds(1)
        }) { wire in
            let text = try await wire.peer("""
                def fresh(): expect(Conversation().ends())
                def between():
                    c = Conversation()
                    expect(c.ask(get()).status == 200 and c.ends())
                def silent():
                    c = Conversation(tls('h2'))
                    c.ends()
                def prefaced(asks, confirms):
                    c = Frames()
                    if asks: c.headers(1, '/x')
                    seen = []
                    def until(bodies, frame):
                        seen.append(frame[0])
                        return False
                    try: c.serve(until, answers_pings=confirms)
                    except (EOFError, ConnectionError, ssl.SSLError): pass
                    expect(7 in seen, seen)  # GOAWAY
                    expect(not asks or 0 in seen, seen)
                run(fresh, between, silent, *[lambda a=a, b=b: prefaced(a, b) for a in (0, 1) for b in (0, 1)])
                print('closed')
                """)
            #expect(text == "closed")
        }
    }

    @Test("N47 a hundred idle connections beyond the limit are turned away, and those within go on being served")
    func idleCrowd() async throws {
        try await withListener(limits: { $0.maxConnections = 50 }) { wire in
            let text = try await wire.peer("""
                served = Conversation()
                expect(served.ask(get()).status == 200)
                idle = []
                for _ in range(150):
                    try: idle.append(tcp())
                    except OSError: pass
                time.sleep(1)
                turned = 0
                for s in idle:
                    s.settimeout(0.05)
                    try: turned += s.recv(1) == b''
                    except socket.timeout: pass
                    except ConnectionError: turned += 1
                expect(served.ask(get()).status == 200)
                print(turned)
                """)
            #expect(text == "101")
        }
    }

    @Test("N47 renegotiation is refused, and there is no early data to replay")
    func renegotiation() async throws {
        try await withListener { wire in
            let folder = wire.certificates.folder.path
            let renegotiated = try await WirePeer.run(
                "openssl", ["s_client", "-connect", "127.0.0.1:\(wire.port)", "-tls1_2", "-servername", "ekm.example.com", "-CAfile", "ca.pem"], in: folder, input: "R\n")
            #expect(renegotiated.contains("no renegotiation") || renegotiated.contains("no_renegotiation"), "\(renegotiated.suffix(500))")
            let session = try await WirePeer.run(
                "sh", ["-c", "(sleep 1; printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n'; sleep 1) | openssl s_client -connect 127.0.0.1:\(wire.port) -tls1_3 -servername ekm.example.com -CAfile ca.pem"], in: folder)
            #expect(session.contains("Max Early Data: 0") && !session.contains("Max Early Data: 1"), "\(session.suffix(500))")
            #expect(try await wire.peer("print(Conversation().ask(get()).status)") == "200")
        }
    }

    @Test("TLS 1.1 and a client that only speaks another protocol are refused in the handshake")
    func oldTLS() async throws {
        try await withListener { wire in
            let text = try await wire.peer("""
                def refused(change):
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                    context.set_ciphers('ALL:@SECLEVEL=0')
                    change(context)
                    try: context.wrap_socket(tcp(), server_hostname='ekm.example.com')
                    except (ssl.SSLError, ConnectionError): return True
                def old(c): c.minimum_version, c.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
                import warnings; warnings.simplefilter('ignore')
                print(refused(old), refused(lambda c: c.set_alpn_protocols(['smtp'])), refused(lambda c: None))
                """)
            #expect(text == "True True None")
        }
    }
}
