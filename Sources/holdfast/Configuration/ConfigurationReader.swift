import FrontDoors
import KeyCore
import Management
import Primitives

extension Configuration {
    /// Reads a configuration; an unknown field or wrong value stops here, with file, line, field and remedy.
    init(parsing text: String, source: String) throws(DocumentError) {
        self.init()
        let root = try StrictDocument(parsing: text, source: source)
        let fields = try root.members(["dataPlane", "management", "rootKey", "audit", "jwks", "outbound", "keySources", "log", "metrics", "development"])
        guard let plane = fields["dataPlane"] else { throw root.error("expected the field dataPlane, which says where to listen") }
        dataPlane = try DataPlane(plane)
        if let field = fields["management"] { management = try Management(field) }
        if let field = fields["rootKey"] { rootKey = try RootKeySource(field) }
        if let field = fields["audit"] { audit = try Audit(field) }
        if let field = fields["jwks"] { jwks = try JWKSTiming(field) }
        if let field = fields["outbound"] { outbound = try Outbound(field) }
        if let field = fields["keySources"] {
            let own = try field.members(["deadline"])
            if let value = own["deadline"] { keySourceDeadline = try value.duration(in: .milliseconds(10)...(.seconds(2))) }
        }
        if let field = fields["log"] { log = try Log(field) }
        if let field = fields["metrics"] {
            let own = try field.members(["open"])
            if let value = own["open"] { metrics.isOpen = try value.bool() }
        }
        if let field = fields["development"] {
            let own = try field.members(["allowCoreDumps"])
            if let value = own["allowCoreDumps"] { development.allowsCoreDumps = try value.bool() }
        }
    }
}

extension Configuration.DataPlane {
    fileprivate init(_ document: StrictDocument) throws(DocumentError) {
        self.init()
        let fields = try document.members(["listen", "threads", "certificates", "limits"])
        if let field = fields["listen"] { (host, port) = try Configuration.address(field) }
        if let field = fields["threads"] { threads = try field.integer(in: 1...256) }
        guard let list = fields["certificates"] else { throw document.error("expected the field certificates, a list of at least one") }
        for element in try list.elements() { certificates.append(try Configuration.Certificate(element)) }
        guard !certificates.isEmpty else { throw list.error("expected at least one certificate") }
        if let field = fields["limits"] { limits = try ListenerLimits(field) }
    }
}

extension Configuration.Management {
    fileprivate init(_ document: StrictDocument) throws(DocumentError) {
        self.init()
        let fields = try document.members([
            "listen", "certificates", "socket", "allowedNetworks", "maxConnections", "handshakeTimeout", "headerTimeout", "bodyTimeout",
            "idleTimeout",
        ])
        if let field = fields["listen"] { (settings.host, settings.port) = try Configuration.address(field) }
        if let list = fields["certificates"] {
            for element in try list.elements() { certificates.append(try Configuration.Certificate(element)) }
        }
        if let field = fields["socket"] {
            let path = try field.string()
            socket = path == "none" ? nil : path
        }
        if let field = fields["allowedNetworks"] {
            for text in try field.strings() {
                guard let network = IPNetwork(parsing: text) else { throw field.error("expected networks such as 10.0.0.0/8 or ::1, found “\(text)”") }
                settings.allowedNetworks.append(network)
            }
        }
        if let field = fields["maxConnections"] { settings.maxConnections = try field.integer(in: 1...100_000) }
        let times: [(String, WritableKeyPath<ManagementListenerSettings, Duration>)] = [
            ("handshakeTimeout", \.handshakeTimeout), ("headerTimeout", \.headerTimeout), ("bodyTimeout", \.bodyTimeout),
            ("idleTimeout", \.idleTimeout),
        ]
        for (name, path) in times {
            if let field = fields[name] { settings[keyPath: path] = try field.duration(in: .milliseconds(100)...(.seconds(86400))) }
        }
    }
}

extension Configuration.Certificate {
    fileprivate init(_ document: StrictDocument) throws(DocumentError) {
        let fields = try document.members(["serverNames", "certificate", "privateKey", "clientCertificates"])
        guard let names = fields["serverNames"], let certificate = fields["certificate"], let key = fields["privateKey"] else {
            throw document.error("expected the fields serverNames, certificate and privateKey")
        }
        self.init(
            serverNames: try names.strings().map { $0.lowercased() }, certificatePath: try certificate.string(),
            privateKeyPath: try key.string())
        guard let clients = fields["clientCertificates"] else { return }
        if clients.isScalar {
            switch try clients.string() {
            case "none": return
            case "pinned": self.clients = .pinned
            default: throw clients.error("expected none, pinned, optional: FILE, or required: FILE")
            }
            return
        }
        let own = try clients.members(["optional", "required"])
        switch (own["optional"], own["required"]) {
        case (let file?, nil): self.clients = .optional(try file.string())
        case (nil, let file?): self.clients = .required(try file.string())
        default: throw clients.error("expected either optional: FILE or required: FILE")
        }
    }
}

extension ListenerLimits {
    fileprivate init(_ document: StrictDocument) throws(DocumentError) {
        self.init()
        let fields = try document.members([
            "maxConnections", "maxConnectionsPerAddress", "maxRequestsInFlight", "maxHeaderBytes", "maxBodyBytes",
            "handshakeTimeout", "firstRequestTimeout", "headerTimeout", "bodyTimeout", "idleTimeout", "drainTimeout",
            "maxStreamsPerConnection",
            "maxHeldBodyBytes", "writeTimeout", "lingerTimeout",
        ])
        let counts: [(String, WritableKeyPath<ListenerLimits, Int>, ClosedRange<Int>)] = [
            ("maxConnections", \.maxConnections, 1...1_000_000),
            ("maxConnectionsPerAddress", \.maxConnectionsPerAddress, 1...1_000_000),
            ("maxRequestsInFlight", \.maxRequestsInFlight, 1...1_000_000),
            ("maxStreamsPerConnection", \.maxStreamsPerConnection, 1...10_000),
        ]
        for (name, path, range) in counts { if let field = fields[name] { self[keyPath: path] = try field.integer(in: range) } }
        if let field = fields["maxHeaderBytes"] { maxHeaderBytes = try field.bytes(in: (4 << 10)...(1 << 20)) }
        if let field = fields["maxBodyBytes"] { maxBodyBytes = try field.bytes(in: (1 << 10)...(64 << 20)) }
        if let field = fields["maxHeldBodyBytes"] { maxHeldBodyBytes = try field.bytes(in: (1 << 20)...(8 << 30)) }
        let times: [(String, WritableKeyPath<ListenerLimits, Duration>)] = [
            ("handshakeTimeout", \.handshakeTimeout), ("firstRequestTimeout", \.firstRequestTimeout),
            ("headerTimeout", \.headerTimeout), ("bodyTimeout", \.bodyTimeout), ("idleTimeout", \.idleTimeout),
            ("drainTimeout", \.drainTimeout), ("writeTimeout", \.writeTimeout), ("lingerTimeout", \.lingerTimeout),
        ]
        for (name, path) in times {
            if let field = fields[name] { self[keyPath: path] = try field.duration(in: .milliseconds(100)...(.seconds(86400))) }
        }
    }
}

extension RootKeySource {
    fileprivate init(_ document: StrictDocument) throws(DocumentError) {
        let fields = try document.members(["file", "passphraseFile", "environment"])
        guard fields.count == 1 else { throw document.error("expected one of file: PATH, passphraseFile: PATH, environment: VARIABLE") }
        if let field = fields["file"] {
            self = .file(path: try field.string())
        } else if let field = fields["passphraseFile"] {
            self = .passphraseFile(path: try field.string())
        } else {
            self = .environment(variable: try fields["environment"]?.string() ?? "")
        }
    }
}

extension Configuration.Audit {
    fileprivate init(_ document: StrictDocument) throws(DocumentError) {
        self.init()
        let fields = try document.members(["folder", "node", "deadline", "segmentSize"])
        if let field = fields["folder"] { folder = try field.string() }
        if let field = fields["node"] {
            node = try field.string()
            guard AuditNode(node) != nil, node != "cli" else {
                throw field.error("expected 1 to 64 lower-case letters, digits, dots, hyphens; “cli” is the command line's own")
            }
        }
        if let field = fields["deadline"] { deadline = try field.duration(in: .milliseconds(1)...(.seconds(10))) }
        if let field = fields["segmentSize"] { segmentBytes = try field.bytes(in: (1 << 16)...(4 << 30)) }
    }
}

extension JWKSTiming {
    fileprivate init(_ document: StrictDocument) throws(DocumentError) {
        self.init()
        let fields = try document.members(["coolDown", "maxStale", "patience"])
        if let field = fields["coolDown"] { coolDown = try field.duration(in: .milliseconds(100)...(.seconds(3600))) }
        if let field = fields["maxStale"] { maxStale = try field.duration(in: .seconds(60)...(.seconds(90 * 86400))) }
        if let field = fields["patience"] { patience = try field.duration(in: .milliseconds(1)...(.seconds(10))) }
    }
}

extension Configuration.Outbound {
    fileprivate init(_ document: StrictDocument) throws(DocumentError) {
        self.init()
        let fields = try document.members(["proxy", "noProxy", "caFile", "resolve"])
        proxy = try fields["proxy"]?.string()
        noProxy = try fields["noProxy"]?.strings() ?? []
        caFile = try fields["caFile"]?.string()
        resolve = try fields["resolve"]?.strings() ?? []
    }
}

extension Configuration.Log {
    fileprivate init(_ document: StrictDocument) throws(DocumentError) {
        self.init()
        let fields = try document.members(["level", "format"])
        if let field = fields["format"] {
            guard let format = Format(rawValue: try field.string()) else { throw field.error("expected text or json") }
            self.format = format
        }
        guard let field = fields["level"] else { return }
        level = try field.string()
        let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
        guard levels.contains(level) else { throw field.error("expected one of \(levels.joined(separator: ", "))") }
    }
}

extension Configuration {
    /// `host:port`, `[::1]:port`; port 0 lets the kernel choose.
    fileprivate static func address(_ field: StrictDocument) throws(DocumentError) -> (String, Int) {
        let text = try field.string()
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65535).contains(port) else {
            throw field.error("expected an address such as 127.0.0.1:8443 or [::]:8443, found “\(text)”")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { throw field.error("expected an address before the colon, as 0.0.0.0:8443") }
        return (host, port)
    }
}
