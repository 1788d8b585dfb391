import Foundation
import KeyCore
import Logging
import Management
import Primitives

/// Doctor's last and best check: a caller like Google's, with a fresh token, through TLS, against the running server.
struct DoctorProbe {
    let installation: Installation
    let configuration: Configuration
    let endpointName: String?
    let tokenFile: String?

    func run(_ checks: inout Checks) async {
        let folder = installation.folder
        guard let server = await checks.run("server runs", { try runningServer(folder) }) else { return }
        await checkManagement(&checks, folder, server.managementURL)
        guard let endpoint = await checks.run("endpoint", { try await chooseEndpoint() }),
            let token = await checks.run("token", { try await token(for: endpoint) })
        else { return }
        let client = HTTPClient(threads: 1)
        defer { client.close() }
        let call = Call(client: client, url: "\(server.url)/\(endpoint.path)", token: token, connection: connection(folder))
        await checks.run("TLS and readiness") { try await call.ready(server.url) }
        let secret = Base64.string((try? RandomBytes.generate(32)) ?? [])
        guard let blob = await checks.run("wrap", { try await call.post("wrap", ["plaintext": secret], answer: "wrappedBlob") }) else { return }
        await checks.run("unwrap") {
            let plaintext = try await call.post("unwrap", ["wrappedBlob": blob], answer: "plaintext")
            guard plaintext == secret else { throw Complaint("unwrap returned other bytes than were wrapped") }
        }
    }

    private func runningServer(_ folder: DataFolder) throws -> (url: String, managementURL: String) {
        guard let data = FileManager.default.contents(atPath: folder.serverPath), let value = try? JSONValue(parsing: Array(data)),
            let url = value["dataPlaneURL"]?.string, let management = value["managementURL"]?.string, let pid = value["pid"]?.integer
        else { throw Complaint("no server runs on this data folder: start it with holdfast serve --data \(folder.path)") }
        guard kill(pid_t(pid), 0) == 0 || errno == EPERM else {
            throw Complaint("the server with process id \(pid) is gone without saying goodbye; start it again")
        }
        return (url, management)
    }

    /// The management listener, over TLS as from another machine, and through the socket of this one.
    private func checkManagement(_ checks: inout Checks, _ folder: DataFolder, _ url: String) async {
        let client = HTTPClient(threads: 1)
        defer { client.close() }
        await checks.run("management API") {
            let response = try await client.send(HTTPClientRequest(url: "\(url)/healthz", connection: connection(folder)))
            guard response.status == 200 else { throw Complaint("\(url)/healthz: expected 200, found \(response.status)") }
        }
        guard configuration.managementSettings(in: folder, logger: Logger(label: "doctor") { _ in SwiftLogNoOpLogHandler() }).socketPath != nil else {
            return
        }
        await checks.run("management socket") {
            let version = try await APIClient(try APIServer.local(folder), asJSON: false).send("GET", "version").document["version"]?.string
            guard version == Version.text else {
                throw Complaint("the server is version \(version ?? "-"), this program \(Version.text): start the server again")
            }
        }
    }

    private func chooseEndpoint() async throws -> Endpoint {
        let endpoints = try await installation.endpoints.snapshot().endpoints
        if let endpointName {
            guard let found = endpoints.first(where: { $0.name == endpointName || $0.id.description == endpointName }) else {
                throw Complaint("endpoint “\(endpointName)” does not exist; `holdfast endpoint list` shows those that do")
            }
            return found
        }
        guard let chosen = endpoints.first(where: { $0.name == "demo" }) ?? endpoints.first else {
            throw Complaint("there is no endpoint; make one with holdfast endpoint create")
        }
        return chosen
    }

    private func token(for endpoint: Endpoint) async throws -> String {
        if let tokenFile {
            let secret = try PrivateFile.read(tokenFile, maxBytes: 16 << 10).withoutTrailingNewline()
            return String(decoding: secret.exposedCopy(), as: UTF8.self)
        }
        guard let issuer = endpoint.issuers.first(where: \.isDevelopment) else {
            throw Complaint("endpoint “\(endpoint.name)” has no development issuer: give --token-file with a token that it accepts")
        }
        let claims = DevelopmentIssuer.ekmClaims(
            audience: "https://\(endpoint.hostnames[0])", email: DemoInstallation.callerEmail, lifetime: .seconds(300),
            now: installation.clock.now)
        return try DevelopmentIssuer.mint(issuer, claims: claims, installation)
    }

    private func connection(_ folder: DataFolder) -> HTTPClientConnection {
        var connection = HTTPClientConnection()
        let authority = folder.file("tls/ca.pem")
        if FileManager.default.fileExists(atPath: authority) { connection.trust = .file(authority) }
        return connection
    }

    private struct Call {
        let client: HTTPClient
        let url: String
        let token: String
        let connection: HTTPClientConnection

        func ready(_ base: String) async throws {
            let response = try await client.send(HTTPClientRequest(method: "GET", url: "\(base)/readyz", connection: connection))
            guard response.status == 200 else { throw Complaint("expected 200 from /readyz, found \(response.status)") }
        }

        func post(_ method: String, _ members: [String: String], answer: String) async throws -> String {
            var writer = JSONWriter()
            writer.object { writer in
                for (name, value) in members { writer.member(name, value) }
                writer.name("additionalContext")
                writer.object { writer in
                    writer.member("isKeyHealthCheck", true)
                    writer.name("accessReasonContext")
                    writer.object { $0.member("reason", "CUSTOMER_INITIATED_ACCESS") }
                }
            }
            let request = HTTPClientRequest(
                method: "POST", url: "\(url):\(method)",
                headers: [HTTPClientHeader("Content-Type", "application/json"), HTTPClientHeader("Authorization", "Bearer \(token)")], body: writer.bytes,
                connection: connection)
            let response = try await client.send(request)
            let body = try? JSONValue(parsing: response.body)
            guard response.status == 200, let value = body?[answer]?.string else {
                throw Complaint("expected 200, found \(response.status): \(body?["message"]?.string ?? "no message")")
            }
            return value
        }
    }
}
