import ArgumentParser
import Foundation
import Primitives

extension APIClient {
    /// Sends a change. If it is held until other people approve it, says so, and waits for their decision where that is wished.
    /// - Returns: the answer, be it that of what was held and then carried out; nil if that was shown already or has none.
    /// - Throws: `HeldForApproval` if it is held and nobody waits; `Complaint` if it was rejected or has expired.
    func change(
        _ method: String, _ path: String, _ options: ChangeOptions, query: [(String, String?)] = [], body: APIBody = .none
    ) async throws -> APIReply? {
        try await settle(
            try await send(method, path, query: query + options.query, headers: options.headers, body: body), options.waiting)
    }

    /// As `change`, for what makes something.
    func create(_ path: String, _ options: CreateOptions, query: [(String, String?)] = [], body: APIBody = .none) async throws -> APIReply? {
        try await settle(
            try await send("POST", path, query: query + options.query, headers: options.headers, body: body), options.waiting)
    }

    /// As `create`, for commands with options of their own.
    func create(_ path: String, waiting: WaitOption, body: APIBody) async throws -> APIReply? {
        try await settle(try await send("POST", path, body: body), waiting)
    }

    private func settle(_ reply: APIReply, _ waiting: WaitOption) async throws -> APIReply? {
        guard reply.status == 202, let id = reply.document["id"]?.string else { return reply }
        guard waiting.wait else {
            if asJSON { show(reply) }
            throw HeldForApproval(id: id)
        }
        Note.print("Held for approval \(id): other people must approve it.")
        let deadline = ContinuousClock.now + .seconds(waiting.waitSeconds)
        var told = ""
        while ContinuousClock.now < deadline {
            let approval: APIReply
            do { approval = try await send("GET", "approvals/\(id)") } catch where Self.mayPass(error) {
                if told != "?" { Note.print("The server can't be asked at the moment; trying again.") }
                told = "?"
                try await Task.sleep(for: .seconds(1))
                continue
            }
            let state = approval.document["state"]?.string ?? "-"
            let progress = "\(state), \(approval.document["approved"]?.integer ?? 0) of \(approval.document["required"]?.integer ?? 0) approvals"
            if progress != told { Note.print(progress) }
            told = progress
            switch state {
            case "pending", "approved": try await Task.sleep(for: .seconds(1))
            case "executed":
                guard asJSON else { return APIReply(result: approval) }  // what is secret in it is told this once
                show(approval)
                return nil
            case "failed":
                let outcome = approval.document["outcome"]
                throw Complaint("approval \(id) was given, but what it asked for failed: \(Cell.text(outcome)); `holdfast approval show \(id)` tells more")
            default: throw Complaint("approval \(id) ended as \(state): nothing was changed; `holdfast approval show \(id)` tells more")
            }
        }
        throw HeldForApproval(id: id)
    }
}

extension APIClient {
    /// Whether a failure says nothing of the request: the server restarts, or is too busy.
    fileprivate static func mayPass(_ error: any Error) -> Bool {
        error is Unavailable || (error as? APIProblem).map { [429, 502, 503, 504].contains($0.httpStatus) } ?? false
    }
}

/// Accepted by the server, but not yet done.
struct HeldForApproval: StatusFailure {
    let id: String
    var status: Int32 { ExitStatus.held }
    var description: String {
        "nothing is done yet: it waits for approval \(id). Others approve it with `holdfast approval approve \(id)`; --wait waits for them"
    }
}
