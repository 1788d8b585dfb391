import Foundation
import Testing

@testable import Primitives

/// Certificates that `openssl` makes when the first test needs them; the folder goes with the process.
///
/// root → inter → localhost (EC), rsa.test (RSA), strict.test, *.wild.test; root → client; other → stranger; pinned and impostor sign
/// themselves; self.test (server) signs itself and has a subject alternative name.
final class TLSTestCertificates: Sendable {
    static let shared = Result { try TLSTestCertificates() }
    private static let folder = ScratchFolder()

    private init() throws {
        let outcome = try ChildProcess.run("/bin/sh", ["-eu", "-c", Self.script], directory: path(""))
        try #require(outcome.status == 0, "\(outcome.errors)")
        atexit { try? FileManager.default.removeItem(atPath: TLSTestCertificates.folder.path("")) }
    }

    func path(_ name: String) -> String { Self.folder.path(name) }

    func pem(_ name: String) throws -> String { try String(contentsOfFile: path("\(name).pem"), encoding: .utf8) }

    /// The DER of the first certificate of a file.
    func der(_ name: String) throws -> [UInt8] {
        let lines = try pem(name).split(separator: "\n").drop { !$0.contains("BEGIN") }.dropFirst().prefix { !$0.contains("END") }
        return try Base64.decodeLenient(ArraySlice(lines.joined().utf8))
    }

    /// An identity with the certificate and key of that name.
    func identity(
        _ name: String, for serverNames: [String], clients: TLSServerIdentity.ClientCertificates = .none
    ) throws -> TLSServerIdentity {
        let key = try String(contentsOfFile: path("\(name).key"), encoding: .utf8)
        return TLSServerIdentity(
            serverNames: serverNames, certificatePEM: try pem(name), privateKeyPEM: SharedSecret(SecretBytes(copying: key.utf8)),
            clientCertificates: clients)
    }

    private static let script = """
        ec() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }
        issue() { # name, issuer, days, extensions
            openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
            printf '%b' "$4" > "$1.ext"
            openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days "$3" -extfile "$1.ext" -out "$1.pem"
        }
        for name in root other; do ec $name; openssl req -x509 -new -key $name.key -subj "/CN=$name" -days 2 -out $name.pem; done
        ec inter; issue inter root 2 'basicConstraints=critical,CA:TRUE\\n'
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key
        ec localhost; ec second; ec strict; ec wild; ec client; ec stranger; ec expired
        issue localhost inter 2 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n'
        issue second inter 2 'subjectAltName=DNS:localhost\\n'
        issue rsa inter 2 'subjectAltName=DNS:rsa.test\\n'
        issue strict inter 2 'subjectAltName=DNS:strict.test\\n'
        issue wild inter 2 'subjectAltName=DNS:*.wild.test\\n'
        issue client root 2 'extendedKeyUsage=clientAuth\\n'
        issue stranger other 2 'extendedKeyUsage=clientAuth\\n'
        issue expired root -1 'extendedKeyUsage=clientAuth\\n'
        for name in localhost second rsa strict wild; do cat inter.pem >> $name.pem; done
        for name in pinned impostor; do
            ec $name
            openssl req -x509 -new -key $name.key -subj /CN=pinned -days 2 -addext basicConstraints=critical,CA:FALSE -out $name.pem
        done
        ec self; openssl req -x509 -new -key self.key -subj /CN=self -days 2 -addext subjectAltName=DNS:self.test,IP:127.0.0.1 \\
            -addext basicConstraints=critical,CA:FALSE -out self.pem
        openssl ec -in localhost.key -aes128 -passout pass:secret -out encrypted.key
        openssl ec -in localhost.key -out sec1.key
        openssl rsa -in rsa.key -traditional -out pkcs1.key
        cp localhost.pem encrypted.pem; cp localhost.pem sec1.pem; cp rsa.pem pkcs1.pem
        """
}
