import Testing

@testable import Primitives

@Suite("HTTP client limits") struct HTTPClientLimitTests {
    let server: HTTPTestServer

    init() throws { server = try HTTPTestServer.shared.get() }

    @Test("N14 a response that comes too slowly, or not at all, ends at the total timeout", arguments: ["/drip", "/wait?5"])
    func totalTimeout(path: String) async throws {
        var request = server.request(path)
        request.totalTimeout = .milliseconds(400)
        let start = ContinuousClock.now
        await #expect(throws: HTTPClientError.timedOut(.transfer)) { try await HTTPClient().send(request) }
        #expect(ContinuousClock.now - start < .seconds(3))
    }

    @Test("a server that accepts but doesn't speak TLS ends at the connect timeout")
    func connectTimeout() async throws {
        // The proxy waits for an HTTP request; a TLS handshake never gets an answer.
        var request = server.request("/", port: server.proxy)
        request.connectTimeout = .milliseconds(300)
        await #expect(throws: HTTPClientError.timedOut(.connect)) { try await HTTPClient().send(request) }
    }

    @Test("cancelling the task stops a running transfer at once, and a waiting one")
    func cancellation() async throws {
        let client = HTTPClient(threads: 1)
        let request = server.request("/wait?5")
        let running = Task { try await client.send(request) }
        try await Task.sleep(for: .milliseconds(200))
        let waiting = Task { try await client.send(request) }
        try await Task.sleep(for: .milliseconds(100))
        let start = ContinuousClock.now
        waiting.cancel()
        await #expect(throws: HTTPClientError.cancelled) { try await waiting.value }
        running.cancel()
        await #expect(throws: HTTPClientError.cancelled) { try await running.value }
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(try await client.send(server.request("/size?1")).body.count == 1)
    }

    @Test("more requests than threads and places are refused at once; a waiting one is answered at its deadline")
    func overload() async throws {
        let client = HTTPClient(threads: 1, maximumWaiting: 1)
        let running = Task { [server] in try await client.send(server.request("/wait?2")) }
        try await Task.sleep(for: .milliseconds(300))
        let waiting = Task { [server] in
            var request = server.request("/size?1")
            request.totalTimeout = .milliseconds(600)
            return try await client.send(request)
        }
        try await Task.sleep(for: .milliseconds(100))
        let start = ContinuousClock.now
        await #expect(throws: HTTPClientError.overloaded) { try await client.send(server.request("/size?1")) }
        #expect(ContinuousClock.now - start < .milliseconds(300))
        await #expect(throws: HTTPClientError.timedOut(.queue)) { try await waiting.value }
        #expect(try await running.value.status == 200)
        #expect(try await client.send(server.request("/size?1")).body.count == 1)
    }

    @Test("many requests share few threads, and all are answered")
    func many() async throws {
        let client = HTTPClient(threads: 3, maximumWaiting: 100)
        let total = try await withThrowingTaskGroup(of: Int.self) { group in
            for size in 1...60 { group.addTask { [server] in try await client.send(server.request("/size?\(size)")).body.count } }
            return try await group.reduce(0, +)
        }
        #expect(total == 60 * 61 / 2)
    }

    @Test("after close, waiting and new requests are cancelled and the running one ends as usual")
    func close() async throws {
        let client = HTTPClient(threads: 1)
        let running = Task { [server] in try await client.send(server.request("/wait?1")) }
        try await Task.sleep(for: .milliseconds(300))
        let waiting = Task { [server] in try await client.send(server.request("/size?1")) }
        try await Task.sleep(for: .milliseconds(100))
        client.close()
        await #expect(throws: HTTPClientError.cancelled) { try await waiting.value }
        await #expect(throws: HTTPClientError.cancelled) { try await client.send(server.request("/size?1")) }
        #expect(try await running.value.status == 200)
    }
}
