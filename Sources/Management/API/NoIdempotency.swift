/// Remembers nothing.
package struct NoIdempotency: IdempotencyGate {
    package init() {}
    package func begin(_ key: String, by caller: Caller, _ fingerprint: [UInt8]) async throws -> APIAnswer? { nil }
    package func end(_ key: String, by caller: Caller, with answer: APIAnswer?) async throws {}
}
