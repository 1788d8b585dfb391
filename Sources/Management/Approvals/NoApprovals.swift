/// Lets everything pass.
package struct NoApprovals: ApprovalGate {
    package init() {}
    package func hold(_ call: APICall, of route: Route) async throws -> APIAnswer? { nil }
}
