import Foundation
import Primitives

/// A client of the management listener that sends exactly what it is told (Tests/Peers/raw_peer.py).
package struct RawPeer: Sendable {
    /// What it does, one after the other.
    package enum Step: Sendable {
        /// Sends this text.
        case send(String)
        /// Sends so many MiB of a chunked body, or until the server hangs up.
        case chunks(megabytes: Int)
        /// Waits so many seconds.
        case wait(Int)
    }

    /// What came back.
    package struct Outcome: Sendable {
        package let received: String
        /// Whether the server has closed the connection.
        package let isClosed: Bool
        /// In bytes.
        package let sent: Int64
        package let milliseconds: Int64
        /// What ALPN agreed on.
        package let alpn: String?
        /// Why it couldn't connect or send; nil if it could.
        package let error: String?
        /// The answers' status codes.
        package var statuses: [Int] {
            received.components(separatedBy: "HTTP/1.1 ").dropFirst().compactMap { Int($0.prefix(3)) }
        }
        /// A header field of the first answer.
        package func header(_ name: String) -> String? {
            received.components(separatedBy: "\r\n\r\n")[0].components(separatedBy: "\r\n")
                .first { $0.lowercased().hasPrefix("\(name.lowercased()): ") }.map { String($0.dropFirst(name.count + 2)) }
        }
    }

    private let target: [(name: String, value: JSONValue)]

    /// Over TLS.
    package init(port: Int, alpn: [String] = ["http/1.1"]) { target = [("port", .integer(Int64(port))), ("alpn", .strings(alpn))] }

    /// Over a Unix socket.
    package init(socket: String) { target = [("socket", .string(socket))] }

    /// The folder of the peers' scripts.
    package static var folder: String {
        let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return here.appendingPathComponent("Peers").path
    }

    /// Connects and does this.
    /// - Parameter read: how many seconds it listens after the last step, unless the server closes before.
    package func run(_ steps: [Step], read: Int = 1) async throws -> Outcome {
        let plan = JSONValue.object(target + [("steps", .array(steps.map(document))), ("read", .integer(Int64(read)))])
        let outcome = try await SpawnedTool.python3.run(
            [RawPeer.folder + "/raw_peer.py"], input: String(decoding: plan.json, as: UTF8.self), timeout: .seconds(120))
        guard outcome.status == 0, let result = try? JSONValue(parsing: Array(outcome.output.utf8)),
            let text = result["received"]?.string, let received = Data(base64Encoded: text)
        else {
            return Outcome(received: "", isClosed: true, sent: 0, milliseconds: 0, alpn: nil, error: outcome.errors)
        }
        return Outcome(
            received: String(decoding: received, as: UTF8.self), isClosed: result["closed"]?.bool ?? false,
            sent: result["sent"]?.integer ?? 0, milliseconds: result["milliseconds"]?.integer ?? 0, alpn: result["protocol"]?.string,
            error: result["error"]?.string)
    }

    private func document(_ step: Step) -> JSONValue {
        switch step {
        case .send(let text): ["send": .string(Data(text.utf8).base64EncodedString())]
        case .chunks(let megabytes): ["chunks": .integer(Int64(megabytes))]
        case .wait(let seconds): ["wait": .integer(Int64(seconds))]
        }
    }
}
