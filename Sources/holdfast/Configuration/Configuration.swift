import FrontDoors
import KeyCore
import Management
import Primitives

/// What `holdfast.yaml` says. Paths are absolute or relative to the data folder.
struct Configuration: Sendable {
    /// The listener that clouds call.
    struct DataPlane: Sendable {
        var host = "127.0.0.1"
        var port = 8443
        var threads: Int?
        var certificates: [Certificate] = []
        var limits = ListenerLimits()
    }

    /// The listener that administrators use.
    struct Management: Sendable {
        var settings = ManagementListenerSettings()
        /// Those of the data plane if empty.
        var certificates: [Certificate] = []
        /// The socket for the same machine; nil for none.
        var socket: String? = "holdfast.sock"
    }

    /// A certificate with its key, as files.
    struct Certificate: Sendable {
        enum Clients: Sendable { case none, optional(String), required(String), pinned }
        var serverNames: [String]
        var certificatePath: String
        var privateKeyPath: String
        var clients = Clients.none
    }

    /// Where and how the journal is kept. Only this file says so: nobody may point it elsewhere through an API.
    struct Audit: Sendable {
        var folder = "audit"
        var node = "node-1"
        var deadline = Duration.milliseconds(50)
        var segmentBytes = 64 << 20
    }

    /// How other servers are reached: for JWK Sets.
    struct Outbound: Sendable {
        var proxy: String?
        var noProxy: [String] = []
        var caFile: String?
        /// `host:port:address`, as curl's --resolve.
        var resolve: [String] = []
    }

    /// Log lines go to standard error.
    struct Log: Sendable {
        enum Format: String, Sendable, CaseIterable { case text, json }
        var level = "info"
        var format = Format.text
    }

    /// `/metrics` on the management listener.
    struct Metrics: Sendable {
        /// Whether it needs no sign-in: for networks that only the monitoring reaches.
        var isOpen = false
    }

    /// For developers only.
    struct Development: Sendable {
        var allowsCoreDumps = false
    }

    var dataPlane = DataPlane()
    var management = Management()
    var rootKey = RootKeySource.file(path: "root.key")
    var audit = Audit()
    var jwks = JWKSTiming()
    var outbound = Outbound()
    var keySourceDeadline = Duration.milliseconds(100)
    var log = Log()
    var metrics = Metrics()
    var development = Development()
}
