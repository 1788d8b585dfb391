/// Lets one at a time work, in the order of their calls.
package actor Turns {
    private var last: Task<Void, any Error>?

    /// Nobody has worked yet.
    package init() {}

    /// Waits for all who came before, then does `body`.
    /// - Throws: what `body` throws.
    package func take(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let previous = last
        let turn = Task {
            _ = await previous?.result
            try await body()
        }
        last = turn
        try await turn.value
    }
}
