import ArgumentParser
import Foundation
import FrontDoors
import KeyCore
import Primitives

extension SalesforceCommand {
    struct CalloutCheckCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "callout-check", abstract: "Call an endpoint as Salesforce does, and say what Salesforce would make of the answer.",
            discussion: """
                Sends the headers that Salesforce sends, with a fresh requestId, gives up after three seconds, and decrypts with the private
                key of the certificate that plays the org's. Prints Salesforce's code; ends with 0 only after SUCCESS.

                Example: holdfast salesforce callout-check --url https://keys.example.com/v0/salesforce/endpoints/… \\
                           --kid … --private-key byok.key --user acme-production --password-file password
                """)
        @OptionGroup var output: OutputOption
        @Option(name: .long, help: "The named credential's URL.") var url: String
        @Option(name: .long, help: "The key identifier.") var kid: String
        @Option(name: .long, help: "The certificate's private key (PEM, PKCS #8, mode 0600).") var privateKey: String
        @Option(name: .long, help: "Basic: the user.") var user: String?
        @Option(name: .long, help: "Basic: a file with the password, mode 0600.") var passwordFile: String?
        @Option(name: .long, help: "OAuth: a file with the access token, mode 0600.") var tokenFile: String?
        @OptionGroup var token: SignedTokenOption
        @Option(name: .long, help: "Mutual TLS: the client certificate (PEM).") var clientCertificate: String?
        @Option(name: .long, help: "Mutual TLS: its private key (PEM).") var clientKey: String?
        @Option(name: .long, help: "PEM with the authority to trust; the system's by default.") var ca: String?
        @Option(name: .long, help: "Reach host:port at this address, as host:port:address.") var resolve: String?
        @Flag(name: .long, help: "Without requestId, as an org without replay detection.") var withoutNonce = false
        @Option(name: .long, help: "The requestId, to try a repeated one; a random one by default.") var nonce: String?

        func validate() throws {
            guard (user == nil) == (passwordFile == nil) else { throw ValidationError("expected both --user and --password-file, or neither") }
            guard (clientCertificate == nil) == (clientKey == nil) else {
                throw ValidationError("expected both --client-certificate and --client-key, or neither")
            }
            guard [user != nil, tokenFile != nil, token.isGiven].filter({ $0 }).count <= 1 else {
                throw ValidationError("expected at most one of --user, --token-file and --jwt-key")
            }
        }

        func run() async throws {
            Hardening.apply(allowsDumps: false)
            let nonce = withoutNonce ? nil : try nonce ?? Hex.string(RandomBytes.generate(16))
            let key = try PrivateKey(pkcs8PEM: try PrivateFile.read(privateKey, maxBytes: 64 << 10))
            let request = try request(nonce)
            let start = ContinuousClock.now
            let outcome: CalloutCheck.Outcome
            do {
                let response = try await HTTPClient(threads: 1).send(request)
                outcome = CalloutCheck(identifier: kid, nonce: nonce, privateKey: key).judge(status: response.status, body: response.body)
            } catch {
                outcome = .init(error)
            }
            show(outcome, nonce, took: start.duration(to: .now))
            guard outcome.verdict == .success else { throw ExitCode.failure }
        }

        private func request(_ nonce: String?) throws -> HTTPClientRequest {
            var connection = HTTPClientConnection()
            if let ca { connection.trust = .file(ca) }
            if let clientCertificate, let clientKey { connection.clientCertificate = .files(certificate: clientCertificate, key: clientKey) }
            if let resolve { connection.addressOverrides = [try HTTPClientAddressOverride(resolve, from: "--resolve")] }
            var request = HTTPClientRequest(
                url: "\(url)/\(kid)\(nonce.map { "?requestId=\($0)" } ?? "")", connection: connection)
            request.headers = [
                HTTPClientHeader("User-Agent", "SFDC-Callout/62.0"), HTTPClientHeader("Cache-Control", "no-cache"),
                HTTPClientHeader("Pragma", "no-cache"), HTTPClientHeader("Accept", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"),
            ]
            if let authorization = try authorization() { request.headers.append(HTTPClientHeader("Authorization", authorization)) }
            request.connectTimeout = .seconds(3)
            request.totalTimeout = .seconds(3)
            return request
        }

        private func authorization() throws -> String? {
            if let user, let passwordFile {
                return "Basic " + Base64.string(Array("\(user):".utf8) + (try CalloutCheckCommand.secret(passwordFile)))
            }
            if let tokenFile { return "Bearer " + String(decoding: try CalloutCheckCommand.secret(tokenFile), as: UTF8.self) }
            return try token.mint().map { "Bearer \($0)" }
        }

        /// A file's content without the line end.
        private static func secret(_ path: String) throws -> [UInt8] {
            try PrivateFile.read(path, maxBytes: 64 << 10).withoutTrailingNewline().exposedCopy()
        }

        private func show(_ outcome: CalloutCheck.Outcome, _ nonce: String?, took: Duration) {
            let milliseconds = took.nanoseconds / 1_000_000
            guard output.json else {
                print("\(outcome.verdict.rawValue)  \(outcome.detail)  (\(milliseconds) ms)")
                if let fingerprint = outcome.fingerprint { print("SHA-256 of the key  \(fingerprint)") }
                return
            }
            let json: JSONValue = [
                "code": .string(outcome.verdict.rawValue), "detail": .string(outcome.detail), "request_id": .optional(nonce),
                "key_sha256": .optional(outcome.fingerprint), "milliseconds": .integer(milliseconds),
            ]
            print(String(decoding: json.json, as: UTF8.self))
        }
    }

    /// A token as the org signs it.
    struct SignedTokenOption: ParsableArguments {
        @Option(name: .long, help: "JWT: the signing certificate's private key (PEM, mode 0600).") var jwtKey: String?
        @Option(name: .long, help: "JWT: the signing certificate's unique name.") var jwtKid: String?
        @Option(name: .long, help: "JWT: iss.") var jwtIssuer: String?
        @Option(name: .long, help: "JWT: sub.") var jwtSubject: String?
        @Option(name: .long, help: "JWT: aud.") var jwtAudience: String?
        @Option(name: .long, help: "JWT: RS256 or RS512.") var jwtAlgorithm = "RS256"

        var isGiven: Bool { jwtKey != nil }

        func mint() throws -> String? {
            guard let jwtKey else { return nil }
            guard let jwtKid, let jwtIssuer, let jwtSubject, let jwtAudience, let algorithm = SignatureAlgorithm(rawValue: jwtAlgorithm) else {
                throw Complaint("with --jwt-key expected --jwt-kid, --jwt-issuer, --jwt-subject, --jwt-audience, and RS256 or RS512 as --jwt-algorithm")
            }
            let now = WallClock.system.now.seconds
            let claims: JSONValue = [
                "iss": .string(jwtIssuer), "sub": .string(jwtSubject), "aud": .string(jwtAudience), "iat": .integer(now), "nbf": .integer(now),
                "exp": .integer(now + 120),
            ]
            return try TokenMinter.mint(
                claims: String(decoding: claims.json, as: UTF8.self), algorithm: algorithm, keyID: jwtKid,
                privateKeyPEM: try PrivateFile.read(jwtKey, maxBytes: 64 << 10))
        }
    }
}

extension CalloutCheck.Outcome {
    /// What Salesforce says where no answer came.
    fileprivate init(_ error: HTTPClientError) {
        switch error {
        case .timedOut: self.init(verdict: .timeout, detail: "no answer within three seconds")
        case .tls(let text): self.init(verdict: .unknown, detail: "TLS failed: \(text)")
        default: self.init(verdict: .unknown, detail: "no answer: \(error)")
        }
    }
}
