import FrontDoors
import Foundation
import KeyCore
import Logging
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@testable import Primitives

/// A handler for tests: tells what it got; `/slow…` waits until the test lets it go.
final class WireHandler: HTTPHandler {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var seen: [String] = []
    }
    private let state = Mutex(State())

    /// How many requests wait.
    var waiting: Int { state.withLock { $0.waiting.count } }
    /// The targets seen so far.
    var seen: [String] { state.withLock { $0.seen } }
    /// Lets all that wait go, and those that come.
    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        state.withLock { $0.seen.append(request.target) }
        if request.target.hasPrefix("/slow") {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }
        let count = request.target.hasPrefix("/big") ? 60_000 : 0
        let text = "\(request.method.rawValue) \(request.target) \(request.body.count) \(request.remoteAddress)"
        return HTTPResponse(status: 200, headers: [("Content-Type", "text/plain")], body: Array(text.utf8) + [UInt8](repeating: 0x2E, count: count))
    }

    func refusal(status: Int, message: String) -> HTTPResponse { HTTPResponse(status: status, body: Array(message.utf8)) }
}

/// A listener on 127.0.0.1 with TLS. Ends with `close`.
final class WireFixture: Sendable {
    let listener: Listener
    let port: Int
    let certificates: WireCertificates

    init(_ handler: any HTTPHandler, identities: [String] = ["ekm", "other"], clock: WallClock = .system, _ change: (inout ListenerLimits) -> Void = { _ in }) async throws {
        var limits = ListenerLimits()
        // Generous, since other tests run beside this one; each test shortens what it is about.
        limits.handshakeTimeout = .seconds(60)
        limits.headerTimeout = .seconds(60)
        limits.bodyTimeout = .seconds(60)
        limits.writeTimeout = .seconds(60)
        limits.drainTimeout = .milliseconds(500)
        change(&limits)
        certificates = try WireCertificates.shared.get()
        listener = try Listener(
            handler: handler, tls: try Self.context(certificates, identities), limits: limits, threads: 2, clock: clock, logger: .quiet)
        port = try await listener.start(host: "127.0.0.1", port: 0)
    }

    /// What TLS shows: for each name a certificate of that file.
    static func context(_ certificates: WireCertificates, _ names: [String]) throws -> TLSServerContext {
        let identities = try names.map { name in
            TLSServerIdentity(
                serverNames: [name == "other" ? "other.example.com" : "ekm.example.com"], certificatePEM: try certificates.text("\(name).pem"),
                privateKeyPEM: SharedSecret(SecretBytes(copying: try certificates.text("\(name).key").utf8)))
        }
        return try TLSServerContext(identities: identities, ticketKeys: TLSTicketKeys())
    }

    /// Runs a script against it.
    func peer(_ script: String, _ arguments: [String] = []) async throws -> String { try await WirePeer.python(script, port: port, arguments) }

    /// Waits until something holds, for at most a minute.
    static func eventually(_ condition: () -> Bool) async throws -> Bool {
        for _ in 0..<6000 {
            if condition() { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }
}

/// Opens a listener for the time of `body`, and sees that nothing is left in its gate.
func withListener(
    _ handler: any HTTPHandler = WireHandler(), identities: [String] = ["ekm", "other"], clock: WallClock = .system, limits change: (inout ListenerLimits) -> Void = { _ in },
    _ body: (WireFixture) async throws -> Void
) async throws {
    let wire = try await WireFixture(handler, identities: identities, clock: clock, change)
    do { try await body(wire) } catch {
        await wire.listener.drain()
        throw error
    }
    await wire.listener.drain()
    #expect(try await WireFixture.eventually { wire.listener.gate.connections == 0 && wire.listener.gate.bodyBytes == 0 })
}
