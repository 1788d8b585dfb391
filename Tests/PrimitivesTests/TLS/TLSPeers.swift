import Testing

@testable import Primitives

extension TLSTestServer {
    /// `openssl s_client` against this server; it trusts the root and fails if the server's certificate doesn't verify.
    ///
    /// Ends with the server's close if `input` is not empty, else after the handshake.
    func openssl(_ arguments: String..., name: String? = "localhost", input: String = "", trust: String = "root") async throws -> Command.Result {
        let certificates = try TLSTestCertificates.shared.get()
        var command = Command(["openssl", "s_client", "-connect", address, "-CAfile", certificates.path("\(trust).pem"), "-verify_return_error"])
        command.line += name.map { ["-servername", $0] } ?? ["-noservername"]
        command.line += arguments + (input.isEmpty ? [] : ["-ign_eof"])
        command.input = input
        command.folder = certificates.path("")
        return try await command.run()
    }

    /// A Python script with `port`, `context()`, `connect()` and `memory()`; what it prints is expected to be `output`.
    func python(_ script: String, prints output: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let certificates = try TLSTestCertificates.shared.get()
        var command = Command("python3", "-c", Self.prelude + script, "\(port)")
        command.folder = certificates.path("")
        let result = try await command.run()
        #expect(result.output == output + "\n" && result.status == 0, "\(result)\(log)", sourceLocation: sourceLocation)
    }

    private static let prelude = #"""
        import hashlib, socket, ssl, struct, sys, threading, time
        port = int(sys.argv[1])

        def context(**settings):
            made = ssl.create_default_context(cafile="root.pem")
            for name, value in settings.items(): setattr(made, name, value)
            return made

        def tcp():
            sock = socket.create_connection(("127.0.0.1", port), timeout=30)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock

        def connect(made=None, name="localhost"):
            return (made or context()).wrap_socket(tcp(), server_hostname=name, suppress_ragged_eofs=False)

        def line(stream):
            data = b""
            while not data.endswith(b"\n"):
                more = stream.recv(1)
                if not more: raise EOFError(data)
                data += more
            return data

        def rest(stream):
            data = b""
            while more := stream.recv(65536): data += more
            return data

        class Memory:
            """TLS over buffers, for control over each byte on the wire."""
            def __init__(self, made=None, name="localhost"):
                self.sock, self.incoming, self.outgoing = tcp(), ssl.MemoryBIO(), ssl.MemoryBIO()
                self.tls = (made or context()).wrap_bio(self.incoming, self.outgoing, server_hostname=name)
            def send(self, piece=1 << 20):
                data = self.outgoing.read()
                for start in range(0, len(data), piece): self.sock.sendall(data[start:start + piece])
            def take(self, piece=1 << 16):
                data = self.sock.recv(piece)
                if data: self.incoming.write(data)
                else: self.incoming.write_eof()
                return data
            def run(self, step, send=1 << 20, take=1 << 16):
                while True:
                    try:
                        result = step()
                        self.send(send)
                        return result
                    except ssl.SSLWantReadError:
                        self.send(send)
                        self.take(take)

        """#
}
