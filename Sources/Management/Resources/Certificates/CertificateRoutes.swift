import KeyCore
import Primitives

/// The listeners' TLS certificates: list, stage, activate, export.
///
/// Google Cloud's EKM over VPC pins the leaf: stage the next one, export its DER, add it there, then activate it here.
package struct CertificateRoutes: RouteProvider {
    private let services: ResourceServices

    /// Routes that need these services.
    package init(services: ResourceServices) { self.services = services }

    private static let id = ["certificate": Schema.string(StringRule(length: 1...64, pattern: "^[a-z0-9-]+$", about: "an id such as data-1"))]

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/certificates", "listCertificates", "The active and the staged certificates of both listeners",
                tag: "Certificates", access: .needs(.readCertificates), answers: [200: .json(CertificateSchemas.list)], handler: list),
            Route(
                .post, "/api/v1/certificates/{certificate}/stage", "stageCertificate",
                """
                Lay the next pair ready without showing it to anybody. Without a body: make a key, a self-signed certificate, and a request for a \
                CA. With a certificate only: what the CA made of that request
                """,
                tag: "Certificates", access: .needs(.writeCertificates), event: .certificateStaged, parameters: CertificateRoutes.id,
                body: .json(CertificateSchemas.stage), answers: [200: .json(CertificateSchemas.certificate)], handler: stage),
            Route(
                .post, "/api/v1/certificates/{certificate}/activate", "activateCertificate",
                "Show the staged certificate from now on; the listeners take it within two seconds", tag: "Certificates",
                access: .needs(.writeCertificates), event: .certificateActivated, parameters: CertificateRoutes.id,
                answers: [200: .json(CertificateSchemas.certificate)], handler: activate),
            Route(
                .get, "/api/v1/certificates/{certificate}/export", "exportCertificate", "A certificate for the vendor's console", tag: "Certificates",
                access: .needs(.readCertificates), parameters: CertificateRoutes.id,
                query: [
                    QueryParameter("form", .oneOf(["der", "pem"]), "der (the leaf; if left out), or pem (with its intermediates)"),
                    QueryParameter("staged", .boolean, "The staged one instead of the active one"),
                ],
                answers: [200: .either(types: ["application/pkix-cert", "application/x-pem-file"])], handler: export),
        ]
    }

    private func list(_ call: APICall) async throws -> APIAnswer {
        let now = call.stores.clock.now
        let items = try await onShelf { try $0.certificates() }.map { CertificateSchemas.document($0, now: now) }
        return APIAnswer(200, .json(["items": .array(items), "total": .integer(Int64(items.count)), "next_cursor": nil]))
    }

    private func stage(_ call: APICall) async throws -> APIAnswer {
        let id = call.parameters["certificate"] ?? ""
        let certificate = call.body["certificate"]?.string
        let key = call.body["private_key"]?.string.map { SharedSecret(SecretBytes(copying: $0.utf8)) }
        guard certificate != nil || key == nil else {
            throw Problem.invalid("/certificate", expected: "the certificate of the private key")
        }
        return answer(try await onShelf { try $0.stage(id, certificatePEM: certificate, privateKey: key) }, call, \.staged)
    }

    private func activate(_ call: APICall) async throws -> APIAnswer {
        let id = call.parameters["certificate"] ?? ""
        return answer(try await onShelf { try $0.activate(id) }, call, \.active)
    }

    private func export(_ call: APICall) async throws -> APIAnswer {
        let id = call.parameters["certificate"] ?? ""
        guard let found = try await onShelf({ try $0.certificates() }).first(where: { $0.id == id }) else {
            throw CertificateRoutes.problem(.unknown)
        }
        let chain = call.query["staged"] == "true" ? found.staged : found.active
        guard let leaf = chain.first else { throw Problem(.notFound, "no such certificate is \(call.query["staged"] == "true" ? "staged" : "there")") }
        var answer = if call.query["form"] == "pem" {
            APIAnswer(200, .bytes(Array(chain.map(\.pem).joined().utf8), type: "application/x-pem-file"))
        } else {
            APIAnswer(200, .bytes(leaf.der, type: "application/pkix-cert"))
        }
        answer.headers.append(("X-Fingerprint-SHA256", Hex.string(leaf.sha256Fingerprint)))
        return answer
    }

    // MARK: Parts

    /// Does something with the files, off the threads that others wait for.
    private func onShelf<R: Sendable>(_ body: @escaping @Sendable (any CertificateShelf) throws -> R) async throws -> R {
        let shelf = services.certificates
        do {
            return try await Offload.run { try body(shelf) }
        } catch let error as CertificateShelfError {
            throw CertificateRoutes.problem(error)
        }
    }

    private static func problem(_ error: CertificateShelfError) -> Problem {
        switch error {
        case .unknown: Problem(.notFound, "there is no such certificate", remedy: "GET /api/v1/certificates names those that are configured")
        case .unusable(let field, let expected): .invalid("/\(field)", expected: expected)
        case .nothingStaged: Problem(.wrongState, "no certificate is staged", remedy: "stage one first: POST /api/v1/certificates/{certificate}/stage")
        case .files(let text): .unavailable("the certificate's files can't be read or written", cause: text)
        }
    }

    private func answer(_ certificate: ShelvedCertificate, _ call: APICall, _ part: KeyPath<ShelvedCertificate, [Certificate]>) -> APIAnswer {
        let leaf = certificate[keyPath: part].first
        return .thing(
            CertificateSchemas.document(certificate, now: call.stores.clock.now),
            audit: AuditDetail(
                target: "\(certificate.id) \(leaf?.subject ?? "")", cause: leaf.map { "sha256 " + Hex.string($0.sha256Fingerprint) }))
    }
}

/// Certificates on the wire.
enum CertificateSchemas {
    private static let leaf = Schema.object(name: "CertificateLeaf", [
        .required("subject", .text(0...4096), "RFC 2253"), .required("issuer", .text(0...4096)), .required("self_signed", .boolean),
        .required("serial_number", .text(0...128)), .required("dns_names", .array(.text(0...512), count: 0...1024)),
        .required("ip_addresses", .array(.text(0...64), count: 0...1024)), .required("not_before", .time), .required("not_after", .time),
        .required("days_left", .integer(-1_000_000...1_000_000)), .required("sha256", .text(64...64), "Of the DER, hexadecimal"),
        .required("spki_sha256", .text(64...64), "Of its key, hexadecimal"),
    ])

    static let certificate = Schema.object(name: "Certificate", [
        .required("id", .text(1...64)), .required("listeners", .array(.oneOf(["data", "management"]), count: 0...2), "Which listeners show it"),
        .required("server_names", .array(.text(0...512), count: 0...1024), "The names by which it is chosen"),
        .required("active", .nullable(leaf), "What is shown now; null if it can't be read"), .required("staged", .nullable(leaf), "The next one"),
        .required("request", .nullable(.text(0...65_536)), "PKCS #10 for the staged key, for a CA"),
    ])

    static let list = Schema.object(name: "CertificatePage", [
        .required("items", .array(certificate, count: 0...1000)), .required("total", .integer(0...1000)),
        .required("next_cursor", .nullable(.text(1...2048))),
    ])

    static let stage = Schema.object(name: "CertificateStaging", [
        .optional("certificate", .text(1...262_144), "PEM: the leaf, then its intermediates"),
        .optional("private_key", .secret(1...65_536), "PEM; the staged key if left out"),
    ])

    static func document(_ certificate: ShelvedCertificate, now: Instant) -> JSONValue {
        [
            "id": .string(certificate.id), "listeners": .strings(certificate.listeners), "server_names": .strings(certificate.serverNames),
            "active": document(certificate.active.first, now), "staged": document(certificate.staged.first, now),
            "request": .optional(certificate.request),
        ]
    }

    private static func document(_ leaf: Certificate?, _ now: Instant) -> JSONValue {
        guard let leaf else { return .null }
        return [
            "subject": .string(leaf.subject), "issuer": .string(leaf.issuer), "self_signed": .bool(leaf.subject == leaf.issuer),
            "serial_number": .string(leaf.serialNumber), "dns_names": .strings(leaf.dnsNames), "ip_addresses": .strings(leaf.ipAddresses),
            "not_before": .optional(Instant(seconds: leaf.notBefore)), "not_after": .optional(Instant(seconds: leaf.notAfter)),
            "days_left": .integer((leaf.notAfter - now.seconds) / 86_400), "sha256": .string(Hex.string(leaf.sha256Fingerprint)),
            "spki_sha256": .string(Hex.string(leaf.spkiSHA256)),
        ]
    }
}
