import Testing

@testable import Primitives

@Suite("TLS connections with Python") struct TLSConnectionTests {
    let certificates: TLSTestCertificates

    init() throws { certificates = try TLSTestCertificates.shared.get() }

    private func serve(timeout: Duration = .seconds(30), refusing: Bool = false, _ body: (TLSTestServer) async throws -> Void) async throws {
        try await TLSTestServer.run([certificates.identity("localhost", for: ["localhost"])], handshakeTimeout: timeout, refusing: refusing, body)
    }

    @Test("echoes many MiB to a client that reads late and little: nothing is lost, and reading is held back meanwhile", arguments: ["TLSv1_2", "TLSv1_3"])
    func backPressure(version: String) async throws {
        try await serve { server in
            try await server.python(
                """
                sock = socket.socket()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                sock.settimeout(50)
                sock.connect(("127.0.0.1", port))
                peer = Memory(context(minimum_version=ssl.TLSVersion.\(version), maximum_version=ssl.TLSVersion.\(version)))
                peer.sock.close()
                peer.sock = sock
                peer.run(peer.tls.do_handshake)
                data = hashlib.shake_128(b"seed").digest(1 << 20)
                total, sent, lock = 16 * len(data), 0, threading.Lock()
                def send():
                    global sent
                    for start in range(0, total, 1 << 16):
                        with lock:
                            peer.tls.write(data[start % len(data):][:1 << 16])
                            wire = peer.outgoing.read()
                        sock.sendall(wire)
                        sent += 1 << 16
                peer.tls.write(b"echo\\n")
                threading.Thread(target=send, daemon=True).start()
                last = -1
                while last < sent: last = sent; time.sleep(1)  # until nothing moves any more
                got, count = hashlib.sha256(), 0
                while count < total:
                    with lock:
                        try: piece = peer.tls.read(30000)
                        except ssl.SSLWantReadError: piece = b""
                    if piece: got.update(piece); count += len(piece)
                    else: peer.take(7001)
                print(count == total, got.hexdigest() == hashlib.sha256(data * 16).hexdigest())
                """, prints: "True True")
            #expect(server.log.contains("held back"))
        }
    }

    @Test("close_notify goes both ways, whoever begins", arguments: ["TLSv1_2", "TLSv1_3"])
    func closeNotify(version: String) async throws {
        try await serve { server in
            try await server.python(
                """
                made = context(minimum_version=ssl.TLSVersion.\(version), maximum_version=ssl.TLSVersion.\(version))
                client = connect(made)
                client.sendall(b"hello\\n")
                print(line(client), client.unwrap().recv(1))
                client = connect(made)
                client.sendall(b"who\\n")
                print(len(rest(client)) > 10, client.unwrap() is not None)
                """, prints: "b'hello\\n' b''\nTrue True")
            #expect(await server.waits(for: "input closed"))
        }
    }

    @Test("a client that has said goodbye still receives its answer (half-close)", arguments: ["TLSv1_2", "TLSv1_3"])
    func halfClose(version: String) async throws {
        try await serve { server in
            try await server.python(
                """
                peer = Memory(context(minimum_version=ssl.TLSVersion.\(version), maximum_version=ssl.TLSVersion.\(version)))
                peer.run(peer.tls.do_handshake)
                peer.tls.write(b"late\\n")
                try: peer.tls.unwrap()
                except ssl.SSLWantReadError: pass
                peer.send()
                peer.sock.shutdown(socket.SHUT_WR)
                while peer.take(): pass
                print(peer.tls.read(100))
                try: print(peer.tls.read(100))
                except ssl.SSLZeroReturnError: print("close_notify")
                """, prints: "b'late answer\\n'\nclose_notify")
        }
    }

    @Test("a server that has ended its answer still reads, and writes no more")
    func serverHalfClose() async throws {
        try await serve { server in
            try await server.python(
                """
                peer = Memory()
                peer.run(peer.tls.do_handshake)
                peer.tls.write(b"end\\n")
                peer.send()
                while peer.take(): pass
                print(peer.tls.read(100))
                peer.tls.write(b"more\\nwho\\n")
                peer.send()
                peer.sock.settimeout(30)
                print(peer.sock.recv(1))
                """, prints: "b'ended\\n'\nb''")
            #expect(await server.waits(for: "line: more"))
            #expect(await server.waits(for: "line: who"))
            #expect(await server.waits(for: "not written: TLS connection is closed"))
            #expect(!server.log.contains { $0.hasPrefix("error") })
        }
    }

    @Test("when the connection ends in the middle of a record, only whole records have been passed on, then the end")
    func truncation() async throws {
        try await serve { server in
            try await server.python(
                """
                peer = Memory()
                peer.run(peer.tls.do_handshake)
                peer.tls.write(b"begun, ")
                peer.send()
                peer.tls.write(b"never ended\\n")
                peer.sock.sendall(peer.outgoing.read()[:-1])
                peer.sock.shutdown(socket.SHUT_WR)
                while peer.take(): pass
                print(peer.tls.read(100))  # close_notify; an end without it would raise
                """, prints: "b''")
            #expect(await server.waits(for: "input closed after “begun, ”"))
            #expect(!server.log.contains { $0.hasPrefix("line") })
        }
    }

    @Test("handshake and data may come and go one byte at a time", arguments: ["TLSv1_2", "TLSv1_3"])
    func byteByByte(version: String) async throws {
        try await serve { server in
            try await server.python(
                """
                peer = Memory(context(minimum_version=ssl.TLSVersion.\(version), maximum_version=ssl.TLSVersion.\(version)))
                peer.run(peer.tls.do_handshake, send=1, take=1)
                peer.tls.write(b"one by one\\n")
                print(peer.run(lambda: peer.tls.read(100), send=1, take=1))
                """, prints: "b'one by one\\n'")
        }
    }

    @Test("what is no TLS at all is closed at once")
    func garbage() async throws {
        try await serve { server in
            try await server.python(
                """
                for data in [b"GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n", bytes(range(256)) * 4, b"\\x80\\x2e\\x01\\x00\\x02" + bytes(44)]:
                    sock = tcp()
                    sock.sendall(data)
                    while sock.recv(100): pass
                print("closed")
                """, prints: "closed")
            #expect(await server.waits(for: "error: TLS handshake failed"))
        }
    }

    @Test("a hello that can't be read is answered with an alert and a close", arguments: [
        ("160301000501000001ff", "decode_error 50"), ("1603010004010000000000", "decode_error 50"), ("16030100050e00000100", "unexpected_message 10"),
        ("160301ffff" + "00", "record_overflow 22"), ("1703030001ff", "unexpected_message 10"),
    ])
    func malformedHello(hello: String, alert: String) async throws {
        try await serve { server in
            try await server.python(
                """
                sock = tcp()
                sock.sendall(bytes.fromhex("\(hello)"))
                data = rest(sock)
                print(data[0], len(data), data[5], data[6])
                """, prints: "21 7 2 \(alert.split(separator: " ")[1])")
            #expect(await server.waits(for: "error: TLS handshake failed"))
        }
    }

    @Test("a record that was altered on the way ends the connection with an alert", arguments: ["TLSv1_2", "TLSv1_3"])
    func alteredRecord(version: String) async throws {
        try await serve { server in
            try await server.python(
                """
                peer = Memory(context(minimum_version=ssl.TLSVersion.\(version), maximum_version=ssl.TLSVersion.\(version)))
                peer.run(peer.tls.do_handshake)
                peer.tls.write(b"hello\\n")
                data = bytearray(peer.outgoing.read())
                data[-1] ^= 1
                peer.sock.sendall(data)
                while peer.take(): pass
                try: peer.tls.read(100)
                except ssl.SSLError as error: print("BAD_RECORD_MAC" in str(error).upper())
                """, prints: "True")
            #expect(await server.waits(for: "error: TLS record refused"))
            #expect(!server.log.contains { $0.hasPrefix("line") })
        }
    }

    @Test("a handshake that takes too long is closed", arguments: ["", "160301"])
    func handshakeTimeout(hello: String) async throws {
        try await serve(timeout: .milliseconds(200)) { server in
            try await server.python(
                """
                sock = tcp()
                sock.sendall(bytes.fromhex("\(hello)"))
                print(sock.recv(1))
                """, prints: "b''")
            #expect(await server.waits(for: "error: TLS handshake timed out"))
            #expect(await server.waits(for: "inactive"))
        }
    }

    @Test("an open connection outlives the handshake time-out")
    func openOutlivesTimeout() async throws {
        try await serve(timeout: .seconds(6)) { server in
            try await server.python(
                """
                client = connect()
                time.sleep(6.3)
                client.sendall(b"still here\\n")
                print(line(client))
                """, prints: "b'still here\\n'")
        }
    }

    @Test("a connection that ends during the handshake leaves nothing behind")
    func endDuringHandshake() async throws {
        try await serve { server in
            try await server.python(
                """
                peer = Memory()
                try: peer.tls.do_handshake()
                except ssl.SSLWantReadError: peer.send(100)
                peer.sock.shutdown(socket.SHUT_WR)
                while peer.sock.recv(1000): pass
                sock = tcp()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
                print("closed")
                """, prints: "closed")
            #expect(await server.waits(for: "inactive"))
            #expect(server.handshakes.isEmpty)
        }
    }

    @Test("when the pipeline can't be built the client gets close_notify, and no plaintext is passed on")
    func refusedByPipeline() async throws {
        try await serve(refusing: true) { server in
            try await server.python(
                """
                peer = Memory()
                peer.run(peer.tls.do_handshake)
                peer.tls.write(b"hello\\n")
                peer.send()
                try:
                    while peer.take(): pass
                except ConnectionResetError: peer.incoming.write_eof()
                print(peer.tls.read(100))  # close_notify; an end without it would raise
                """, prints: "b''")
            #expect(await server.waits(for: "error: Refusal"))
        }
    }

    @Test("after a reload existing connections go on, and new ones see the new certificate")
    func reload() async throws {
        let identities = try ["localhost", "second"].map { [try certificates.identity($0, for: ["localhost"])] }
        try await TLSTestServer.run(identities[0], then: identities[1]) { server in
            try await server.python(
                """
                old = connect()
                old.sendall(b"swap\\n")
                line(old)
                new = connect()
                print([dict(x[0] for x in c.getpeercert()["subject"])["commonName"] for c in [old, new]])
                for stream in [old, new, old]:
                    stream.sendall(b"still here\\n")
                    assert line(stream) == b"still here\\n"
                new.sendall(b"swap\\n")
                line(new)
                again = connect()
                print(dict(x[0] for x in again.getpeercert()["subject"])["commonName"])
                """, prints: "['localhost', 'second']\nlocalhost")
        }
    }

    @Test("a thousand small lines in few records come back in order")
    func smallWrites() async throws {
        try await serve { server in
            try await server.python(
                """
                client = connect()
                lines = b"".join(b"line %d\\n" % n for n in range(1000))
                client.sendall(lines)
                got = b""
                while len(got) < len(lines): got += client.recv(65536)
                print(got == lines)
                """, prints: "True")
        }
    }
}
