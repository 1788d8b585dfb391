import Foundation
import KeyCore
import Logging
import Primitives
import Synchronization

/// The level that all loggers of the process obey, unless they have one of their own.
final class LogLevel: Sendable {
    private let level: Mutex<Logger.Level>

    init(_ level: Logger.Level) { self.level = Mutex(level) }

    var current: Logger.Level {
        get { level.withLock { $0 } }
        set { level.withLock { $0 = newValue } }
    }
}

/// Writes log lines to standard error, as text for people or as one JSON object each.
struct ServerLog: LogHandler {
    private let shared: LogLevel
    private var own: Logger.Level?
    private var base: any LogHandler

    /// A logger for a format.
    static func logger(_ format: Configuration.Log.Format, level: LogLevel) -> Logger {
        Logger(label: "holdfast") { label in
            switch format {
            case .text: ServerLog(StreamLogHandler.standardError(label: label), level: level)
            case .json: ServerLog(JSONLogHandler(label: label), level: level)
            }
        }
    }

    private init(_ base: any LogHandler, level: LogLevel) {
        (self.base, shared) = (base, level)
        self.base.logLevel = .trace
    }

    var logLevel: Logger.Level {
        get { own ?? shared.current }
        set { own = newValue }
    }

    var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { base.log(event: event) }
}

/// One JSON object on each line: `time`, `level`, `logger`, `message`, and the metadata under `metadata`.
struct JSONLogHandler: LogHandler {
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]
    private let label: String
    private let write: @Sendable ([UInt8]) -> Void

    /// - Parameter write: takes a line with its line feed; standard error by default, one write for each line, so that none are mixed.
    init(label: String, write: @escaping @Sendable ([UInt8]) -> Void = { FileHandle.standardError.write(Data($0)) }) {
        (self.label, self.write) = (label, write)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { _, new in new }
        var line: JSONValue = [
            "time": .optional(WallClock.system.now), "level": .string(event.level.rawValue), "logger": .string(label),
            "message": .string("\(event.message)"),
        ]
        if !fields.isEmpty {
            line = line.adding(["metadata": .object(fields.sorted { $0.key < $1.key }.map { (name: $0.key, value: JSONLogHandler.json($0.value)) })])
        }
        write(line.json + [0x0A])
    }

    private static func json(_ value: Logger.Metadata.Value) -> JSONValue {
        switch value {
        case .string(let text): .string(text)
        case .stringConvertible(let convertible): .string("\(convertible)")
        case .array(let elements): .array(elements.map(json))
        case .dictionary(let members): .object(members.sorted { $0.key < $1.key }.map { (name: $0.key, value: json($0.value)) })
        }
    }
}
