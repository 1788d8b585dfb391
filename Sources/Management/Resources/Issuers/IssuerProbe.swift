import KeyCore
import Primitives

/// Fetches what an issuer publishes and explains each step: what an administrator needs to know when tokens are not believed.
struct IssuerProbe {
    /// One step and how it went.
    struct Step {
        let name: String
        let isFine: Bool
        let detail: String
    }

    private let fetch: DocumentFetch
    private let algorithms: Set<SignatureAlgorithm>
    private(set) var steps: [Step] = []
    /// What the OpenID configuration calls itself.
    private(set) var issuer: String?
    private(set) var jwksURL: String?
    private(set) var keys: [JWKSReport.Key] = []

    /// Nothing is fetched yet.
    init(fetch: @escaping DocumentFetch, algorithms: Set<SignatureAlgorithm>) { (self.fetch, self.algorithms) = (fetch, algorithms) }

    /// Whether every step went well.
    var isFine: Bool { steps.allSatisfy(\.isFine) }
    /// The first that didn't, in a sentence.
    var failure: String? { steps.first { !$0.isFine }.map { "\($0.name): \($0.detail)" } }

    // MARK: What can be probed

    /// An OpenID configuration, then the JWK Set that it names (OpenID Connect Discovery 1.0, 4.3).
    mutating func probe(openIDConfigurationURL url: String) async {
        guard await readConfiguration(url), let jwksURL else { return }
        await probe(jwksURL: jwksURL)
    }

    /// A JWK Set at its address.
    mutating func probe(jwksURL url: String) async {
        jwksURL = url
        guard let body = await document(url, "jwks") else { return }
        probe(jwks: body)
    }

    /// A JWK Set as it is.
    mutating func probe(jwks body: [UInt8]) {
        do {
            let report = try JWKSReport(of: body, algorithms: algorithms)
            keys = report.keys
            let usable = keys.count { !$0.accepted.isEmpty }
            add("keys", report.isUsable, "\(usable) of \(keys.count) keys can verify tokens")
        } catch {
            add("keys", false, "\(error)")
        }
    }

    /// The configuration only: what the issuer calls itself, and where its keys are.
    mutating func readConfiguration(_ url: String) async -> Bool {
        guard let body = await document(url, "configuration") else { return false }
        guard let document = try? JSONValue(parsing: body), let issuer = document["issuer"]?.string, let address = document["jwks_uri"]?.string
        else {
            add("configuration.content", false, "expected a JSON object with the texts “issuer” and “jwks_uri”")
            return false
        }
        self.issuer = AuditText.clean(issuer, limit: 512)
        let expected = url.hasSuffix(IssuerProbe.suffix) ? String(url.dropLast(IssuerProbe.suffix.count)) : nil
        let agrees = expected.map { [$0, $0 + "/"].contains { $0.utf8.elementsEqual(issuer.utf8) } } ?? false
        add(
            "configuration.issuer", agrees,
            agrees ? "the issuer is “\(issuer)”" : "expected an issuer that is this address without \(IssuerProbe.suffix), found “\(AuditText.clean(issuer, limit: 512))”")
        let isSecure = address.hasPrefix("https://") && address.utf8.count <= 2048 && address.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        add("configuration.jwks_uri", isSecure, isSecure ? address : "expected a jwks_uri that begins with https://")
        if isSecure { jwksURL = address }
        return agrees && isSecure
    }

    /// What an OpenID configuration's address ends in.
    static let suffix = "/.well-known/openid-configuration"

    // MARK: Parts

    private mutating func add(_ name: String, _ isFine: Bool, _ detail: String) {
        steps.append(Step(name: name, isFine: isFine, detail: AuditText.clean(detail, limit: 1000)))
    }

    private mutating func document(_ url: String, _ prefix: String) async -> [UInt8]? {
        do {
            let document = try await fetch(url)
            let timing = document.timing
            add("\(prefix).resolve", true, "after \(timing.resolved)")
            add("\(prefix).connect", true, "after \(timing.connected)")
            add("\(prefix).tls", true, "after \(timing.secured)")
            guard document.status == 200 else {
                let hint = (300..<400).contains(document.status) ? "; redirects are not followed: give the address where it leads" : ""
                add("\(prefix).status", false, "expected 200, found \(document.status)\(hint)")
                return nil
            }
            add("\(prefix).status", true, "200 after \(timing.firstByte)")
            add("\(prefix).content", true, "\(document.body.count) bytes of \(document.contentType.isEmpty ? "no type" : document.contentType)")
            return document.body
        } catch let error as HTTPClientError {
            add("\(prefix).\(IssuerProbe.step(of: error))", false, "\(error)")
        } catch {
            add("\(prefix).fetch", false, "it can't be fetched")
        }
        return nil
    }

    /// At which step it ended.
    static func step(of error: HTTPClientError) -> String {
        switch error {
        case .invalidURL, .invalidRequest, .protocolRefused: "url"
        case .resolve: "resolve"
        case .connect, .addressRefused, .timedOut(.connect): "connect"
        case .tls: "tls"
        case .timedOut, .overloaded, .cancelled, .library: "fetch"
        case .tooLarge, .encodingRefused: "content"
        }
    }
}
