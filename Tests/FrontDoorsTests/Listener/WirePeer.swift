import Foundation
import Primitives
import TestSupport
import Testing

/// Peers of other makes: Python scripts that speak TLS, HTTP/1.1 and HTTP/2 by hand, and the `openssl` command.
enum WirePeer {
    struct Failed: Error, CustomStringConvertible { let description: String }

    /// What a script prints, without the last line feed. It finds the port in `PORT`, further arguments in `ARGS`, and the helpers below.
    static func python(_ script: String, port: Int, _ arguments: [String] = []) async throws -> String {
        let folder = try EKMScratch()
        let certificates = try WireCertificates.shared.get()
        try (prelude + script).write(toFile: folder.path + "/peer.py", atomically: true, encoding: .utf8)
        return try await run("python3", [folder.path + "/peer.py", "\(port)", certificates.folder.path] + arguments, in: folder.path)
    }

    /// What a command prints on both outputs.
    static func run(_ tool: String, _ arguments: [String], in folder: String, input: String? = nil) async throws -> String {
        let outcome = try await SpawnedTool.run("/usr/bin/env", [tool] + arguments, input: input ?? "", directory: folder, timeout: .seconds(600))
        let text = outcome.text.trimmingCharacters(in: .newlines)
        guard outcome.status == 0 || tool == "openssl" else { throw Failed(description: "\(tool): \(text)") }
        return text
    }

    private static let prelude = #"""
        import socket, ssl, sys, time, json, struct, threading
        PORT, CERTS, ARGS = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
        PATIENCE = 60

        def tcp(source=None):
            s = socket.create_connection(('127.0.0.1', PORT), timeout=PATIENCE, source_address=(source, 0) if source else None)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return s

        def tls(alpn='http/1.1', name='ekm.example.com', source=None, verify=True):
            context = ssl.create_default_context(cafile=CERTS + '/ca.pem')
            if not verify:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if alpn: context.set_alpn_protocols([alpn])
            return context.wrap_socket(tcp(source), server_hostname=name)

        class Conversation:
            def __init__(self, s=None):
                self.s, self.rest = s or tls(), b''
            def send(self, text):
                self.s.sendall(text.encode('latin1') if isinstance(text, str) else text)
            def fill(self):
                data = self.s.recv(65536)
                if not data: raise EOFError('closed after %r' % self.rest[:200])
                self.rest += data
            def until(self, mark):
                while mark not in self.rest: self.fill()
                text, self.rest = self.rest.split(mark, 1)
                return text
            def answer(self, head=False):
                lines = self.until(b'\r\n\r\n').decode('latin1').split('\r\n')
                fields = [(l.split(':', 1)[0].lower(), l.split(':', 1)[1].strip()) for l in lines[1:]]
                length = int(dict(fields).get('content-length', 0))
                if head or lines[0].split()[1] == '100': length = 0
                while len(self.rest) < length: self.fill()
                body, self.rest = self.rest[:length], self.rest[length:]
                return Answer(int(lines[0].split()[1]), fields, body)
            def ask(self, text, **more):
                self.send(text)
                return self.answer(**more)
            def ends(self):
                try:
                    while True:
                        data = self.s.recv(65536)
                        if not data: return self.rest == b''
                        self.rest += data
                except (ConnectionError, ssl.SSLError): return self.rest == b''

        class Answer:
            def __init__(self, status, fields, body): self.status, self.fields, self.body = status, fields, body
            def all(self, name): return [v for n, v in self.fields if n == name]
            def one(self, name):
                values = self.all(name)
                assert len(values) <= 1, (name, values)
                return values[0] if values else None

        def get(path='/x', more=''): return 'GET %s HTTP/1.1\r\nHost: ekm.example.com\r\n%s\r\n' % (path, more)
        def post(path, body, more=''):
            return 'POST %s HTTP/1.1\r\nHost: ekm.example.com\r\nContent-Length: %d\r\n%s\r\n%s' % (path, len(body), more, body)

        def expect(condition, *what):
            if not condition: raise AssertionError(what)

        class Frames(Conversation):
            def __init__(self, settings=b''):
                super().__init__(tls('h2'))
                expect(self.s.selected_alpn_protocol() == 'h2')
                self.send(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
                self.frame(4, 0, 0, settings)
            def frame(self, kind, flags, stream, payload=b''):
                self.send(struct.pack('>I', len(payload))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + payload)
            def headers(self, stream, path, method='GET', end=True, more=()):
                fields = [(':method', method), (':scheme', 'https'), (':path', path), (':authority', 'ekm.example.com')] + list(more)
                block = b''.join(b'\0' + bytes([len(n)]) + n.encode() + bytes([len(v)]) + v.encode() for n, v in fields)
                self.frame(1, 5 if end else 4, stream, block)
            def next(self):
                while len(self.rest) < 9: self.fill()
                length = struct.unpack('>I', b'\0' + self.rest[:3])[0]
                while len(self.rest) < 9 + length: self.fill()
                kind, flags, stream = self.rest[3], self.rest[4], struct.unpack('>I', self.rest[5:9])[0] & 0x7FFFFFFF
                payload, self.rest = self.rest[9:9 + length], self.rest[9 + length:]
                return kind, flags, stream, payload
            def serve(self, until, answers_pings=True):
                # collects DATA by stream until `until(bodies, frame)`; confirms settings and pings
                bodies = {}
                while True:
                    frame = kind, flags, stream, payload = self.next()
                    if kind == 4 and not flags & 1: self.frame(4, 1, 0)
                    if kind == 6 and not flags & 1 and answers_pings: self.frame(6, 1, 0, payload)
                    if kind == 0: bodies[stream] = bodies.get(stream, b'') + payload
                    if until(bodies, frame): return bodies

        def run(*works):
            failures = []
            def guarded(work):
                try: work()
                except BaseException as failure: failures.append(repr(failure))
            threads = [threading.Thread(target=guarded, args=(w,)) for w in works]
            for t in threads: t.start()
            for t in threads: t.join()
            expect(not failures, failures[:3])

        """#
}

/// Certificates made once per process: an authority; `ekm.example.com` and its successor, `other.example.com`; a self-signed leaf.
final class WireCertificates: Sendable {
    static let shared = Result { try WireCertificates() }
    let folder: EKMScratch

    private init() throws {
        folder = try EKMScratch()
        let outcome = try ChildProcess.run("/bin/sh", ["-eu", "-c", Self.script], directory: folder.path)
        guard outcome.status == 0 else { throw WirePeer.Failed(description: "openssl can't make certificates: \(outcome.errors.suffix(500))") }
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8) }

    private static let script = """
        umask 077
        key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1.key"; }
        key ca
        openssl req -x509 -new -days 30 -key ca.key -out ca.pem -subj "/CN=test authority" -addext basicConstraints=critical,CA:TRUE
        leaf() {
            key "$1"
            openssl req -new -key "$1.key" -out "$1.csr" -subj "/CN=$2"
            printf 'subjectAltName=DNS:%s\\n' "$2" > "$1.ext"
            openssl x509 -req -days 30 -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -extfile "$1.ext" -out "$1.pem"
        }
        leaf ekm ekm.example.com
        leaf next ekm.example.com
        leaf other other.example.com
        key self
        openssl req -x509 -new -days 30 -key self.key -out self.pem -subj "/CN=ekm.example.com" -addext subjectAltName=DNS:ekm.example.com \\
            -addext basicConstraints=critical,CA:FALSE
        """
}
