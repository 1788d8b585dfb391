import Foundation
import Testing

@testable import Primitives

/// A real server for the client's tests: Python's, with certificates that `openssl` makes on the spot. It ends with this process,
/// when its standard input ends, and takes its folder along.
///
/// Listeners: TLS; TLS that demands a client certificate; TLS 1.1 at most; plain; a CONNECT proxy with a password; and plain on the
/// socket `plain.sock`.
final class HTTPTestServer: Sendable {
    static let shared = Result { try HTTPTestServer() }

    let folder = ScratchFolder()
    /// Ports of the listeners, in the order above.
    let tls, clientTLS, oldTLS, plain, proxy: UInt16
    private let lifeline = Pipe()

    init() throws {
        try Self.run("/bin/sh", ["-eu", "-c", Self.certificates], in: folder.path(""))
        try Self.script.write(toFile: folder.path("server.py"), atomically: true, encoding: .utf8)
        let server = Process()
        let output = Pipe()
        server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        server.arguments = ["python3", folder.path("server.py")]
        server.currentDirectoryURL = URL(fileURLWithPath: folder.path(""))
        server.standardInput = lifeline
        server.standardOutput = output
        server.standardError = FileHandle.nullDevice
        try server.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let ports = line.split(whereSeparator: \.isWhitespace).compactMap { UInt16($0) }
        try #require(ports.count == 5, "the server printed: \(line)")
        (tls, clientTLS, oldTLS, plain, proxy) = (ports[0], ports[1], ports[2], ports[3], ports[4])
    }

    /// A GET of a path at the TLS listener, trusting the test's authority.
    func request(_ path: String, host: String = "localhost", port: UInt16? = nil) -> HTTPClientRequest {
        var connection = HTTPClientConnection()
        connection.trust = .file(folder.path("ca.pem"))
        return HTTPClientRequest(url: "https://\(host):\(port ?? tls)\(path)", connection: connection)
    }

    /// The contents of a file of the server's folder.
    func contents(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path(name)))) }

    private static func run(_ tool: String, _ arguments: [String], in folder: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tool)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    private static let certificates = """
        new() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
        new ca; openssl req -x509 -new -key ca.key -subj /CN=authority -days 2 -out ca.pem
        new other; openssl req -x509 -new -key other.key -subj /CN=other -days 2 -out other.pem
        printf 'subjectAltName=DNS:localhost,DNS:service.test,IP:127.0.0.1\\n' > names
        for name in server client; do
            new $name; openssl req -new -key $name.key -subj /CN=$name -out $name.csr
            openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out $name.pem
        done
        """

    private static let script = #"""
        import base64, http.server, os, select, shutil, socket, ssl, sys, threading, time

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments): pass

            def reply(self, body=b"", status=200, headers=()):
                self.send_response(status)
                for name, value in headers: self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD": self.wfile.write(body)

            def respond(self):
                size = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(size)
                path, _, argument = self.path[1:].partition("?")
                if path == "echo":
                    lines = [self.command] + sorted("%s: %s" % (n.lower(), v) for n, v in self.headers.items())
                    self.reply("\n".join(lines).encode() + b"\n\n" + body)
                elif path == "redirect":
                    self.reply(b"moved", 302, [("Location", "/echo"), ("X-Twice", "1"), ("X-Twice", " 2 ")])
                elif path == "size": self.reply(b"x" * int(argument))
                elif path == "endless":
                    self.send_response(200)
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    while True: self.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                elif path == "headers": self.reply(headers=[("X-%d" % n, "y" * 1000) for n in range(90)])
                elif path == "encoded": self.reply(b"\x1f\x8b", headers=[("Content-Encoding", argument)])
                elif path == "transfer-encoded":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
                elif path == "drip":
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    for _ in range(1000):
                        self.wfile.write(b".")
                        time.sleep(0.05)
                elif path == "wait":
                    time.sleep(float(argument))
                    self.reply(b"waited")
                elif path == "cut":
                    self.send_response(200)
                    self.send_header("Content-Length", "100")
                    self.end_headers()
                    self.wfile.write(b"short")
                    self.close_connection = True
                elif path == "peer": self.reply(str(self.client_address[1]).encode())
                elif path == "subject":
                    self.reply(str(dict(x[0] for x in self.connection.getpeercert()["subject"])).encode())
                else: self.reply(status=404)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_PURGE = respond

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            def handle_error(self, request, address): pass

        def proxy(listener):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=tunnel, args=(connection,), daemon=True).start()

        def tunnel(connection):
            head = b""
            while b"\r\n\r\n" not in head: head += connection.recv(4096)
            wanted = b"Proxy-Authorization: Basic " + base64.b64encode(b"user:secret")
            if wanted not in head:
                connection.sendall(b"HTTP/1.1 407 no\r\nContent-Length: 0\r\n\r\n")
                return connection.close()
            port = int(head.split(b" ")[1].rsplit(b":", 1)[1])
            target = socket.create_connection(("127.0.0.1", port))
            connection.sendall(b"HTTP/1.1 200 ok\r\nX-Proxy: seen\r\n\r\n")
            while True:
                for ready in select.select([connection, target], [], [])[0]:
                    data = ready.recv(65536)
                    if not data: return (connection.close(), target.close())
                    (target if ready is connection else connection).sendall(data)

        def context(client=False, old=False):
            made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            made.load_cert_chain("server.pem", "server.key")
            if client:
                made.verify_mode = ssl.CERT_REQUIRED
                made.load_verify_locations("ca.pem")
            if old:
                made.set_ciphers("ALL:@SECLEVEL=0")
                made.minimum_version = ssl.TLSVersion.TLSv1
                made.maximum_version = ssl.TLSVersion.TLSv1_1
            return made

        ports = []
        for tls in [context(), context(client=True), context(old=True), None]:
            server = Server(("127.0.0.1", 0), Handler)
            if tls: server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            ports.append(server.server_port)
            threading.Thread(target=server.serve_forever, daemon=True).start()
        class UnixServer(Server):
            address_family = socket.AF_UNIX
            def server_bind(self):
                self.socket.bind(self.server_address)
                self.server_name, self.server_port = "localhost", 0
            def get_request(self):
                connection, _ = self.socket.accept()
                return connection, ("unix", 0)
        local = UnixServer("plain.sock", Handler)
        threading.Thread(target=local.serve_forever, daemon=True).start()
        listener = socket.create_server(("127.0.0.1", 0))
        ports.append(listener.getsockname()[1])
        threading.Thread(target=proxy, args=(listener,), daemon=True).start()
        os.write(1, (" ".join(map(str, ports)) + "\n").encode())
        sys.stdin.read()
        shutil.rmtree(os.getcwd(), ignore_errors=True)
        os._exit(0)
        """#
}
