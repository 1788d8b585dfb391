import KeyCore
import Primitives

/// Lets people in by password, with second factor, or by client certificate.
///
/// Every refusal is the same answer after the same work: one look at the attempts, one scrypt. Whether the user is unknown, disabled or locked
/// out, has no password, or the password or the code is wrong, doesn't show (N34). Only who has named the right password is told that a code is
/// missing.
struct SignIn: Sendable {
    let settings: AccountSettings
    let stores: Stores

    /// Where a sign-in comes from, and what it wants.
    struct Circumstances: Sendable {
        let remoteAddress: String
        let isCookie: Bool
    }

    /// A session for whoever knows the password, and the code if there is a second factor.
    func begin(user typed: String, password: String, code: String?, _ circumstances: Circumstances) async throws -> NewSession {
        let name = AccountName(typed: typed)
        let attempt = try await admit(name, circumstances.remoteAddress)
        let matches = try await compare(password, attempt)
        guard matches, let found = attempt.credentials, attempt.userMayTry else { throw refusal(attempt) }
        let renewed = await renewed(password, found)
        let (sealer, now, rules) = (stores.sealer, stores.clock.now, settings.sessions)
        let outcome: Outcome = try await stores.database.write { connection in
            // What was looked at may have changed while the password was hashed.
            guard let present = try Credentials.find("id", found.id.description, in: connection), present.isEnabled,
                present.passwordHash == found.passwordHash
            else { return .refused }
            if present.secondFactorIsConfirmed {
                guard let code else { return .codeMissing }
                guard try SecondFactorStore.use(code, present, sealer, at: now, in: connection) else { return .refused }
            }
            try SignInAttempts.forget(present.id, in: connection)
            if let network = attempt.network { try SignInAttempts.takeBack(network, at: now, in: connection) }
            if let renewed {
                try connection.execute(
                    "UPDATE users SET password_hash = $2 WHERE id = $1", [.text(present.id.description), .text(renewed.stored)])
            }
            let draft = SessionDraft(
                user: present.id, method: .password, isCookie: circumstances.isCookie, fingerprint: nil,
                remoteAddress: circumstances.remoteAddress)
            return .begun(try SessionStore.begin(draft, rules: rules, at: now, in: connection))
        }
        switch outcome {
        case .begun(let session): return session
        case .refused: throw refusal(attempt)
        case .codeMissing: throw refusal(attempt, FieldFault("/totp", expected: "the present code of the second factor"))
        }
    }

    /// A session bound to the client certificate that TLS has verified (N40).
    func begin(fingerprint: String, _ circumstances: Circumstances) async throws -> NewSession {
        let (now, rules) = (stores.clock.now, settings.sessions)
        let session: NewSession? = try await stores.database.write { connection in
            let rows = try connection.query(
                "SELECT u.id FROM user_certificates c JOIN users u ON u.id = c.user_id WHERE c.fingerprint = $1 AND u.enabled = 1",
                [.text(fingerprint)])
            guard let id = try rows.first.flatMap({ UserID(try $0.text("id")) }) else { return nil }
            let draft = SessionDraft(
                user: id, method: .certificate, isCookie: circumstances.isCookie, fingerprint: fingerprint,
                remoteAddress: circumstances.remoteAddress)
            return try SessionStore.begin(draft, rules: rules, at: now, in: connection)
        }
        guard let session else { throw Problem(.unauthenticated, "the client certificate is no user's") }
        return session
    }

    /// Proof of the present password by somebody who is signed in already, with the same limits.
    /// - Returns: the credentials that it was compared with.
    /// - Throws: `.permissionDenied` if it is wrong.
    func prove(_ password: String, of id: UserID, from address: String) async throws -> Credentials {
        let credentials = try await stores.passwords.credentials(id)
        let attempt = try await admit(credentials.name, address)
        guard try await compare(password, attempt), attempt.userMayTry, let found = attempt.credentials, found.id == id else {
            throw Problem(.permissionDenied, "the present password is not right, or it was tried too often")
        }
        let now = stores.clock.now
        try await stores.database.write { connection in
            try SignInAttempts.forget(id, in: connection)
            if let network = attempt.network { try SignInAttempts.takeBack(network, at: now, in: connection) }
        }
        return found
    }

    // MARK: Steps

    private enum Outcome: Sendable { case begun(NewSession), refused, codeMissing }

    private struct Attempt: Sendable {
        let name: AccountName
        let network: String?
        let credentials: Credentials?
        let userMayTry: Bool
    }

    /// Counts the attempt.
    /// - Throws: `.tooManyRequests` if the network has to wait, whomever it asks for.
    private func admit(_ name: AccountName, _ address: String) async throws -> Attempt {
        let now = stores.clock.now
        let network = SignInAttempts.network(address)
        let (attempt, blockedUntil): (Attempt?, Instant?) = try await stores.database.write { connection in
            if let network, let until = try SignInAttempts.begin(network, .network, at: now, in: connection) { return (nil, until) }
            let credentials = try Credentials.find("canonical", name.canonical, in: connection)
            var mayTry = false
            if let credentials {
                let blocked = try SignInAttempts.begin(SignInAttempts.subject(credentials.id), .user, at: now, in: connection) != nil
                mayTry = !blocked && credentials.isEnabled
            }
            return (Attempt(name: name, network: network, credentials: credentials, userMayTry: mayTry), nil)
        }
        if let attempt { return attempt }
        let seconds = max(1, ((blockedUntil ?? now) - now).components.seconds + 1)
        var problem = Problem(
            .tooManyRequests, "too many failures to sign in from your network", remedy: "try again in \(seconds) seconds")
        problem.headers = [("Retry-After", "\(seconds)")]
        throw problem
    }

    /// One scrypt, whatever was found. An attempt whose password couldn't be looked at is none.
    private func compare(_ password: String, _ attempt: Attempt) async throws -> Bool {
        do {
            return try await settings.bench.matches(PasswordPolicy.bytes(password), attempt.credentials?.hash)
        } catch {
            let now = stores.clock.now
            try await stores.database.write { connection in
                if let network = attempt.network { try SignInAttempts.takeBack(network, at: now, in: connection) }
                if let id = attempt.credentials?.id, attempt.userMayTry {
                    try SignInAttempts.takeBack(SignInAttempts.subject(id), at: now, in: connection)
                }
            }
            throw error
        }
    }

    /// The same password's hash at the present cost, if that has risen since; this is the only moment at which it can be made.
    private func renewed(_ password: String, _ found: Credentials) async -> PasswordHash? {
        guard let hash = found.hash, settings.bench.cost.isMore(than: hash.cost) else { return nil }
        return try? await settings.bench.hash(PasswordPolicy.bytes(password))  // a busy bench leaves it to the next time
    }

    private func refusal(_ attempt: Attempt, _ fault: FieldFault? = nil) -> Problem {
        var problem = Problem(
            .unauthenticated, "user, password or code is not right, or there were too many failures",
            remedy: "if the account has a second factor, give its present code too; after several failures wait, or ask an administrator",
            faults: fault.map { [$0] } ?? [])
        problem.target = attempt.credentials.map { "user:\($0.name.canonical)" }
        return problem
    }
}
