import KeyCore
import Primitives
import Synchronization

/// Remembers creations by their `Idempotency-Key` for 24 hours.
///
/// A reservation belongs to the process that made it. What it leaves unanswered, because it died or could not keep the answer, may have been
/// done: it is never done again under that key, and whoever repeats it is told to look.
package final class StoredAnswers: IdempotencyGate {
    static let lifetime = Duration.seconds(24 * 3600)
    private static let abandonment = Duration.seconds(60)

    private let database: any SQLDatabase
    private let sealer: DataSealer
    private let clock: WallClock
    private let process: String
    private let busy = Mutex<Set<[String]>>([])

    /// Over these stores.
    package init(_ stores: Stores) throws {
        (database, sealer, clock) = (stores.database, stores.sealer, stores.clock)
        process = try UUIDBytes.random().description
    }

    package func begin(_ key: String, by caller: Caller, _ fingerprint: [UInt8]) async throws -> APIAnswer? {
        let owner = StoredAnswers.owner(caller)
        guard busy.withLock({ $0.insert([owner, key]).inserted }) else { throw StoredAnswers.stillBusy }
        do {
            let answer = try await reserve(owner, key, fingerprint)
            if answer != nil { release(owner, key) }
            return answer
        } catch {
            release(owner, key)
            throw error
        }
    }

    package func end(_ key: String, by caller: Caller, with answer: APIAnswer?) async throws {
        let owner = StoredAnswers.owner(caller)
        defer { release(owner, key) }
        guard let document = answer?.stored else {
            try await database.execute(
                "DELETE FROM idempotency_keys WHERE caller = $1 AND key = $2 AND process = $3", [.text(owner), .text(key), .text(process)])
            return
        }
        let sealed = try sealer.seal(SecretBytes(copying: document.json), at: place(owner, key, "answer"))
        try await database.execute(
            "UPDATE idempotency_keys SET answer = $1 WHERE caller = $2 AND key = $3 AND process = $4",
            [.blob(sealed), .text(owner), .text(key), .text(process)])
    }

    /// Forgets what is older than a day.
    package func sweep() async throws {
        let limit = (clock.now - StoredAnswers.lifetime).nanoseconds
        try await database.execute("DELETE FROM idempotency_keys WHERE created_at <= $1", [.integer(limit)])
    }

    // MARK: Rows

    private func reserve(_ owner: String, _ key: String, _ fingerprint: [UInt8]) async throws -> APIAnswer? {
        let now = clock.now
        // Sealed as well: it is the hash of a body that may hold a password.
        let sealed = try sealer.seal(SecretBytes(copying: fingerprint), at: place(owner, key, "fingerprint"))
        let (process, oldest) = (process, now - StoredAnswers.lifetime)
        let row = try await database.write { connection -> SQLRow? in
            let arguments: [SQLValue] = [.text(owner), .text(key)]
            if let row = try connection.query("SELECT * FROM idempotency_keys WHERE caller = $1 AND key = $2", arguments).first {
                let created = Instant(nanoseconds: try row.integer("created_at"))
                if created > oldest { return row }
                try connection.execute("DELETE FROM idempotency_keys WHERE caller = $1 AND key = $2", arguments)
            }
            try connection.execute(
                "INSERT INTO idempotency_keys (caller, key, process, created_at, fingerprint) VALUES ($1, $2, $3, $4, $5)",
                arguments + [.text(process), .integer(now.nanoseconds), .blob(sealed)])
            return nil
        }
        guard let row else { return nil }
        let first = try sealer.open(try row.blob("fingerprint"), at: place(owner, key, "fingerprint"))
        guard first.isEqual(to: SecretBytes(copying: fingerprint)) else {
            throw Problem(
                .idempotencyConflict, "this Idempotency-Key came with another request before", remedy: "take a new key for a new request")
        }
        guard let answer = try row.optionalBlob("answer") else {
            // Another process may still be at it; this one would have said so.
            let isRecent = Instant(nanoseconds: try row.integer("created_at")) > now - StoredAnswers.abandonment
            throw try row.text("process") != process && isRecent ? StoredAnswers.stillBusy : StoredAnswers.unknown
        }
        let document = try JSONValue(parsing: try sealer.open(answer, at: place(owner, key, "answer")).exposedCopy(), maxDepth: 32)
        guard let answer = APIAnswer(stored: document) else { throw StoreError.corrupt("an idempotency key's answer") }
        return answer
    }

    private func release(_ owner: String, _ key: String) { busy.withLock { _ = $0.remove([owner, key]) } }

    private func place(_ owner: String, _ key: String, _ column: String) -> SealedLocation {
        SealedLocation(table: "idempotency_keys", row: "\(owner) \(key)", column: column)
    }

    private static func owner(_ caller: Caller) -> String { caller.userID?.description ?? caller.name }

    private static let unknown = Problem(
        .idempotencyUnknown, "a request with this Idempotency-Key was begun, and it is not known whether it was done",
        remedy: "look whether what it makes is there; if not, repeat it with a new key")

    private static var stillBusy: Problem {
        var problem = Problem(
            .idempotencyConflict, "the first request with this Idempotency-Key is still being answered", remedy: "repeat it in a moment")
        problem.headers = [("Retry-After", "1")]
        return problem
    }
}

extension APIAnswer {
    /// The answer as it is kept; nil if it can't be.
    fileprivate var stored: JSONValue? {
        let content: JSONValue
        switch body {
        case .none: content = .null
        case .json(let document): content = document
        case .bytes, .stream: return nil
        }
        return [
            "status": .integer(Int64(status)), "headers": .array(headers.map { [.string($0.name), .string($0.value)] }),
            "body": content,
        ]
    }

    fileprivate init?(stored document: JSONValue) {
        guard let status = document["status"]?.integer, let fields = document["headers"]?.array, let body = document["body"] else { return nil }
        self.init(Int(status), body == .null ? .none : .json(body))
        for field in fields {
            guard let pair = field.array, pair.count == 2, let name = pair[0].string, let value = pair[1].string else { return nil }
            headers.append((name, value))
        }
        headers.append(("Idempotency-Replayed", "true"))
    }
}
