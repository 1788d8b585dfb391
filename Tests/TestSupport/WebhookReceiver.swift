import Foundation
package import Primitives

/// A web server in a process of its own that writes down what it is sent and answers as told.
package final class WebhookReceiver: Sendable {
    private static let program = """
        import http.server, json, os, ssl, sys, threading
        folder = sys.argv[1]
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
                with open(folder + '/received.jsonl', 'a') as out:
                    out.write(json.dumps({'path': self.path, 'headers': {k.lower(): v for k, v in self.headers.items()}, 'body': body.decode()}) + '\\n')
                status = int(open(folder + '/status').read())
                self.send_response(status)
                if status in (301, 302, 307, 308): self.send_header('Location', '/elsewhere')
                self.send_header('Content-Length', '0')
                self.end_headers()
            def log_message(self, *arguments): pass
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        if len(sys.argv) > 2:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder + '/server.pem', folder + '/server.key')
            server.socket = context.wrap_socket(server.socket, server_side=True)
        with open(folder + '/port.new', 'w') as out: out.write(str(server.server_address[1]))
        os.rename(folder + '/port.new', folder + '/port')
        server.serve_forever()
        """

    private let folder: SpawnedFolder
    private let process: SpawnedProcess
    /// As `https://localhost:40123/hook`.
    package let url: String
    /// The certificate that vouches for it, in PEM.
    package var authority: String { folder.text("server.pem") }

    /// Starts it, over TLS unless `isPlain`.
    package init(isPlain: Bool = false) async throws {
        folder = try SpawnedFolder()
        try folder.write("status", "204")
        let made = try await SpawnedTool.openssl.run([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder.file("server.key"), "-out", folder.file("server.pem"),
        ])
        guard made.status == 0 else { throw SpawnedTimeout("no certificate: \(made.text)") }
        process = try SpawnedTool.python3.start(["-c", WebhookReceiver.program, folder.path] + (isPlain ? [] : ["tls"]))
        try await eventually("the receiver listens", within: .seconds(30)) { [folder] in folder.contains("port") }
        url = "\(isPlain ? "http" : "https")://localhost:\(folder.text("port"))/hook"
    }

    /// Answers with this status from now on.
    package func answer(_ status: Int) throws { try folder.write("status", "\(status)") }

    /// What it was sent: `path`, `headers`, `body`.
    package var received: [JSONValue] {
        get throws { try folder.text("received.jsonl").split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) } }
    }
}
