import Foundation
import FrontDoors
import KeyCore
import Logging
import Management
import Primitives

extension Configuration {
    /// What this file says of what can also be set through the API.
    func fileSettings(in folder: DataFolder) throws -> FileSettings {
        var file = FileSettings()
        file.logLevel = log.level
        file.outbound = try outbound.route(in: folder)
        file.authorities = FileManager.default.contents(
            atPath: outbound.caFile.map(folder.file) ?? "/etc/ssl/certs/ca-certificates.crt").map { Array($0) }
        for setting in LimitSetting.allCases { file.limits[setting] = dataPlane.limits[setting] }
        return file
    }
}

extension Configuration.Outbound {
    fileprivate func route(in folder: DataFolder) throws -> OutboundRoute {
        var route = OutboundRoute()
        if let url = proxy {
            var proxy = HTTPClientProxy(url: url)
            proxy.except = noProxy
            route.base.proxy = proxy
        }
        if let file = caFile { route.base.trust = .file(folder.file(file)) }
        route.base.addressOverrides = try resolve.map { try HTTPClientAddressOverride($0, from: "outbound.resolve") }
        return route
    }
}

extension HTTPClientAddressOverride {
    /// From `host:port:address`, as the setting or option `name` has it.
    init(_ text: String, from name: String) throws {
        let parts = text.split(separator: ":", maxSplits: 2).map(String.init)
        guard parts.count == 3, let port = UInt16(parts[1]) else {
            throw Complaint("\(name): expected host:port:address, found “\(text)”")
        }
        self.init(host: parts[0], port: port, addresses: [parts[2]])
    }
}

extension ListenerLimits {
    /// The limit as it stands on the wire: times in milliseconds.
    subscript(setting: LimitSetting) -> Int64 {
        get {
            switch setting {
            case .maxConnections: Int64(maxConnections)
            case .maxConnectionsPerAddress: Int64(maxConnectionsPerAddress)
            case .maxRequestsInFlight: Int64(maxRequestsInFlight)
            case .maxStreamsPerConnection: Int64(maxStreamsPerConnection)
            case .maxBodyBytes: Int64(maxBodyBytes)
            case .handshakeTimeout: handshakeTimeout.nanoseconds / 1_000_000
            case .firstRequestTimeout: firstRequestTimeout.nanoseconds / 1_000_000
            case .headerTimeout: headerTimeout.nanoseconds / 1_000_000
            case .bodyTimeout: bodyTimeout.nanoseconds / 1_000_000
            case .writeTimeout: writeTimeout.nanoseconds / 1_000_000
            case .idleTimeout: idleTimeout.nanoseconds / 1_000_000
            }
        }
        set {
            switch setting {
            case .maxConnections: maxConnections = Int(clamping: newValue)
            case .maxConnectionsPerAddress: maxConnectionsPerAddress = Int(clamping: newValue)
            case .maxRequestsInFlight: maxRequestsInFlight = Int(clamping: newValue)
            case .maxStreamsPerConnection: maxStreamsPerConnection = Int(clamping: newValue)
            case .maxBodyBytes: maxBodyBytes = Int(clamping: newValue)
            case .handshakeTimeout: handshakeTimeout = .milliseconds(newValue)
            case .firstRequestTimeout: firstRequestTimeout = .milliseconds(newValue)
            case .headerTimeout: headerTimeout = .milliseconds(newValue)
            case .bodyTimeout: bodyTimeout = .milliseconds(newValue)
            case .writeTimeout: writeTimeout = .milliseconds(newValue)
            case .idleTimeout: idleTimeout = .milliseconds(newValue)
            }
        }
    }

    /// The same with what is set.
    func applying(_ settings: PresentSettings) -> ListenerLimits {
        var limits = self
        for (setting, value) in settings.limits where value != self[setting] { limits[setting] = value }
        return limits
    }
}
