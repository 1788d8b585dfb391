import Foundation
import FrontDoors
import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("Listener's end and certificates") struct ListenerDrainTests {
    @Test("the drain answers what is in flight (HTTP/2 with GOAWAY), refuses new connections, closes idle and half-open ones")
    func drain() async throws {
        let handler = WireHandler()
        let wire = try await WireFixture(handler) { $0.drainTimeout = .seconds(60) }
        let peer = Task {
            try await wire.peer("""
                idle, fresh, half = Conversation(), Conversation(), tcp()
                idle.ask(get())
                slow, streams = Conversation(), Frames()
                slow.send(get('/slow/1'))
                streams.headers(1, '/slow/2')
                partial = Conversation()
                partial.send('POST /partial HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 4\\r\\n\\r\\nab')
                expect(idle.ends() and fresh.ends() and not half.recv(1))
                try: tcp()
                except ConnectionError: pass
                else: raise AssertionError('a new connection')
                a = partial.ask('cd')
                expect(a.status == 200 and a.one('connection') == 'close' and partial.ends())
                goaways = []
                def until(bodies, frame):
                    if frame[0] == 7: goaways.append(struct.unpack('>I', frame[3][:4])[0] & 0x7FFFFFFF)
                    return frame[0] == 0 and frame[1] & 1
                bodies = streams.serve(until)
                a = slow.answer()
                expect(a.status == 200 and a.one('connection') == 'close' and slow.ends())
                expect(bodies[1].startswith(b'GET /slow/2') and goaways and goaways[-1] == 1, bodies, goaways)
                expect(streams.ends() or True)
                print('drained')
                """)
        }
        let isBusy = try await WireFixture.eventually { handler.waiting == 2 && wire.listener.gate.connections == 6 }
        #expect(isBusy)
        try await Task.sleep(for: .milliseconds(300))
        let drain = Task { await wire.listener.drain() }
        let isQuiet = try await WireFixture.eventually { wire.listener.gate.connections == 2 }
        #expect(isQuiet && handler.waiting == 2)
        handler.open()
        #expect(try await peer.value == "drained")
        await drain.value
        #expect(wire.listener.gate.connections == 0)
    }

    @Test("what doesn't end by itself is cut at the end of the drain time")
    func drainCuts() async throws {
        let handler = WireHandler()
        let wire = try await WireFixture(handler) { $0.drainTimeout = .milliseconds(300) }
        let peer = Task { try await wire.peer("c = Conversation()\nc.send(get('/slow'))\nprint(c.ends())") }
        let isBusy = try await WireFixture.eventually { handler.waiting == 1 }
        #expect(isBusy)
        await wire.listener.drain()
        #expect(try await peer.value == "True")
        handler.open()
    }

    @Test("EKM-45 a certificate is replaced without dropping connections; its DER is known before; SNI selects, and a mismatch hurts nobody")
    func reload() async throws {
        let handler = WireHandler()
        let next = try #require(try Certificate.chain(pem: try WireCertificates.shared.get().text("next.pem")).first)
        try await withListener(handler) { wire in
            let flag = try EKMScratch()
            let peer = Task {
                try await wire.peer("""
                    import os, hashlib
                    def der(name, **more): return tls(name=name, **more).getpeercert(True)
                    def file(name): return ssl.PEM_cert_to_DER_cert(open(CERTS + '/%s.pem' % name).read())
                    held = Conversation()
                    expect(held.s.getpeercert(True) == file('ekm') and der('other.example.com') == file('other'))
                    expect(der('nobody.example.com', verify=False) == file('ekm') and der(None, verify=False) == file('ekm'))
                    expect(der('x' * 60 + '.example.com', verify=False) == file('ekm') and der('127.0.0.1', verify=False) == file('ekm'))
                    stream = Frames()
                    held.send(get('/slow'))
                    stream.headers(1, '/slow')
                    while not os.path.exists(ARGS[0]): time.sleep(0.02)
                    expect(der('ekm.example.com') == file('next') and der('other.example.com') == file('other'))
                    expect(held.answer().status == 200 and held.ask(get('/again')).status == 200)
                    expect(1 in stream.serve(lambda bodies, frame: frame[0] == 0 and frame[1] & 1))
                    print(hashlib.sha256(der('ekm.example.com')).hexdigest())
                    """, [flag.path + "/reloaded"])
            }
            let isBusy = try await WireFixture.eventually { handler.waiting == 2 }
            #expect(isBusy)
            wire.listener.reload(tls: try WireFixture.context(wire.certificates, ["next", "other"]))
            handler.open()
            _ = FileManager.default.createFile(atPath: flag.path + "/reloaded", contents: nil)
            #expect(try await peer.value == Hex.string(Digest.sha256(next.der)))
        }
    }
}
