import KeyCore
import Primitives

extension AuditEvent {
    static let backupMade = AuditEvent("backup.created")
    static let backupTaken = AuditEvent("backup.uploaded")
    static let backupRead = AuditEvent("backup.downloaded")
    static let backupDeleted = AuditEvent("backup.deleted")
    static let backupChecked = AuditEvent("backup.verified")
    static let backupScheduled = AuditEvent("backup.schedule-changed")
    static let restorePlanned = AuditEvent("backup.restore-planned")
    static let restored = AuditEvent("backup.restored")
}

/// Backups: made, brought, fetched, checked, deleted.
package struct BackupRoutes: RouteProvider {
    private static let type = "application/octet-stream"
    private let backups: Backups

    /// Routes over the installation's backups.
    package init(_ backups: Backups) { self.backups = backups }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/backups", "listBackups", "Backups in the data folder", tag: "Backups", access: .needs(.readBackups),
                query: Page.parameters(sorts: ["created_at"]), answers: [200: .json(Page.schema(of: BackupSchemas.backup, name: "BackupPage"))],
                handler: list),
            Route(
                .post, "/api/v1/backups", "createBackup", "Make a backup now; answers when it is complete and on disk", tag: "Backups",
                access: .needs(.createBackups), event: .backupMade, quorum: .makeBackup, body: .json(BackupSchemas.draft),
                answers: [201: .json(BackupSchemas.backup)], isCreation: true, handler: create),
            Route(
                .post, "/api/v1/backups/upload", "uploadBackup", "Bring a backup file, to check or restore it", tag: "Backups",
                access: .needs(.createBackups), event: .backupTaken, body: .bytes(type: BackupRoutes.type, maxBytes: Backups.maxUploadBytes),
                answers: [201: .json(BackupSchemas.backup)], handler: upload),
            Route(
                .get, "/api/v1/backups/{backup}", "getBackup", "One backup, as its header and the catalogue describe it", tag: "Backups",
                access: .needs(.readBackups), answers: [200: .json(BackupSchemas.backup)], handler: get),
            Route(
                .get, "/api/v1/backups/{backup}/content", "downloadBackup", "The file of a backup", tag: "Backups",
                access: .needs(.createBackups), event: .backupRead, answers: [200: .other(type: BackupRoutes.type)], handler: download),
            Route(
                .delete, "/api/v1/backups/{backup}", "deleteBackup", "Delete a backup's file", tag: "Backups",
                access: .needs(.deleteBackups), event: .backupDeleted, answers: [204: .empty], handler: delete),
            Route(
                .post, "/api/v1/backups/{backup}/verify", "verifyBackup",
                "Decrypt a backup to its end, open every secret value in it and count, without restoring anything", tag: "Backups",
                access: .needs(.createBackups), event: .backupChecked, body: .json(BackupSchemas.opener),
                answers: [200: .json(BackupSchemas.report)], handler: verify),
            Route(
                .post, "/api/v1/backups/{backup}/restore-plan", "planRestore", "What a restore would change; changes nothing", tag: "Backups",
                access: .needs(.restoreBackups), event: .restorePlanned, body: .json(BackupSchemas.order),
                answers: [200: .json(BackupSchemas.result)], handler: plan),
            Route(
                .get, "/api/v1/backups/{backup}/restore-plans/{confirm}", "getRestorePlan",
                "The plan behind a confirmation, for whoever is to approve its restore; the last twenty are kept", tag: "Backups",
                access: .signedIn, parameters: ["confirm": .text(64...64)], answers: [200: .json(BackupSchemas.keptPlan)], handler: keptPlan),
            Route(
                .post, "/api/v1/backups/{backup}/restore", "restoreBackup",
                "Bring the installation back to a backup, as far as the plan with this confirmation says; without one, show the plan",
                tag: "Backups", access: .needs(.restoreBackups), event: .restored, quorum: .restoreBackup,
                body: .json(BackupSchemas.order), answers: [200: .json(BackupSchemas.result)], handler: restore),
        ]
    }

    // MARK: Files

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: ["created_at"])
        let (found, total) = try await backups.catalogue.list(page)
        return APIAnswer(200, .json(page.document(
            found, total: total, key: { (.integer($0.header.createdAt.nanoseconds), $0.id.description) }, BackupSchemas.document)))
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        var order = try BackupOrder(secret: try BackupRoutes.secret(call.body))
        order.description = call.body["description"]?.string ?? ""
        let (keys, endpoints) = (call.body["key_ids"]?.array ?? [], call.body["endpoint_ids"]?.array ?? [])
        if call.body["scope"]?.string == BackupHeader.Scope.selected.rawValue {
            guard keys.count + endpoints.count > 0 else { throw Problem.invalid("/key_ids", expected: "at least one key or endpoint with scope selected") }
            order.scope = .selected(keys: keys.compactMap(\.string), endpoints: endpoints.compactMap(\.string))
        } else if keys.count + endpoints.count > 0 {
            throw Problem.invalid("/scope", expected: "“selected” where keys or endpoints are named")
        }
        let backup = try await mapped("/passphrase") { [order] in
            try await backups.make(
                order, includesFiles: call.body["include_files"]?.bool ?? false, origin: .made, by: call.caller.name)
        }
        return .thing(
            BackupSchemas.document(backup), revision: backup.revision, status: 201, location: "/api/v1/backups/\(backup.id)",
            audit: AuditDetail(target: backup.id.description))
    }

    private func upload(_ call: APICall) async throws -> APIAnswer {
        do {
            let backup = try await backups.take(call.upload, by: call.caller.name)
            return .thing(
                BackupSchemas.document(backup), revision: backup.revision, status: 201, location: "/api/v1/backups/\(backup.id)",
                audit: AuditDetail(target: backup.id.description))
        } catch BackupError.refused(let text) {
            throw Problem(.wrongState, text)
        } catch let error as BackupError {
            throw Problem(.malformedRequest, "the body is no backup that this version can read: \(error)")
        }
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        let backup = try await backups.catalogue.find(try BackupRoutes.id(call))
        return .thing(BackupSchemas.document(backup), revision: backup.revision)
    }

    private func download(_ call: APICall) async throws -> APIAnswer {
        let id = try BackupRoutes.id(call)
        let (body, _) = try await backups.content(of: id)
        return APIAnswer(
            200, .stream(body, type: BackupRoutes.type, filename: "holdfast-\(id).hfb"), audit: AuditDetail(target: id.description))
    }

    private func delete(_ call: APICall) async throws -> APIAnswer {
        let id = try BackupRoutes.id(call)
        try await backups.delete(id)
        return APIAnswer(204, audit: AuditDetail(target: id.description))
    }

    // MARK: What is in them

    private func verify(_ call: APICall) async throws -> APIAnswer {
        let (opener, field) = try BackupRoutes.opener(call.body)
        let id = try BackupRoutes.id(call)
        let result = try await mapped(field) { try await backups.check(id, opener) }
        return APIAnswer(200, .json(BackupSchemas.document(result)), audit: AuditDetail(target: id.description))
    }

    private func plan(_ call: APICall) async throws -> APIAnswer {
        let (opener, field) = try BackupRoutes.opener(call.body)
        let id = try BackupRoutes.id(call)
        let plan = try await mapped(field) { try await backups.plan(id, opener, BackupRoutes.order(call)) }
        return APIAnswer(200, .json(["restored": false, "plan": plan.document]), audit: AuditDetail(target: id.description, cause: "plan"))
    }

    private func keptPlan(_ call: APICall) async throws -> APIAnswer {
        let id = try BackupRoutes.id(call)
        // For others than who reads backups, or decides on their restores, there is none.
        guard call.caller.may(.readBackups) || call.caller.may(.decideApprovals),
            let plan = try await backups.plan(call.parameters["confirm"] ?? "", of: id)
        else { throw StoreError.notFound("a plan with this confirmation") }
        return APIAnswer(200, .json(plan))
    }

    private func restore(_ call: APICall) async throws -> APIAnswer {
        let order = BackupRoutes.order(call)
        guard order.confirmation != nil else { return try await plan(call) }
        let (opener, field) = try BackupRoutes.opener(call.body)
        let id = try BackupRoutes.id(call)
        let plan = try await mapped(field) { try await backups.restore(id, opener, order, permit: RestorePermission.of(call.caller)) }
        return APIAnswer(
            200, .json(["restored": true, "plan": plan.document]), audit: AuditDetail(target: id.description, cause: "epoch \(plan.epoch)"),
            changesDataPlane: true)
    }

    // MARK: Parts of requests

    private static func id(_ call: APICall) throws(Problem) -> UUIDBytes {
        guard let id = call.parameters["backup"].flatMap({ UUIDBytes($0) }) else { throw .invalid("path:backup", expected: "an id") }
        return id
    }

    private static func order(_ call: APICall) -> RestoreOrder {
        RestoreOrder(
            resurrect: Set((call.body["resurrect"]?.array ?? []).compactMap(\.string)), confirmation: call.body["confirm"]?.string,
            actor: call.caller.name)
    }

    private static func secret(_ body: JSONValue) throws(Problem) -> BackupSecret {
        switch (body["passphrase"]?.string, body["recipient_public_key"]?.string) {
        case (let text?, nil): return .passphrase(SharedSecret(SecretBytes(copying: Array(text.utf8))))
        case (nil, let pem?): return .recipient(try recipient(pem))
        default: throw .invalid("/passphrase", expected: "either passphrase or recipient_public_key")
        }
    }

    static func recipient(_ pem: String) throws(Problem) -> PublicKey {
        guard let key = try? PublicKey(spkiPEM: pem), case .rsa = key.type else {
            throw .invalid("/recipient_public_key", expected: "an RSA public key of at least 2048 bits in PEM (BEGIN PUBLIC KEY)")
        }
        return key
    }

    /// What opens a backup, and the field in which it stood.
    private static func opener(_ body: JSONValue) throws(Problem) -> (BackupOpener, field: String) {
        switch (body["passphrase"]?.string, body["private_key"]?.string) {
        case (let text?, nil): return (.passphrase(SharedSecret(SecretBytes(copying: Array(text.utf8)))), "/passphrase")
        case (nil, let pem?):
            guard let key = try? PrivateKey(pkcs8PEM: SecretBytes(copying: Array(pem.utf8))) else {
                throw .invalid("/private_key", expected: "an RSA private key as PKCS#8 PEM without a passphrase")
            }
            return (.privateKey(key), "/private_key")
        default: throw .invalid("/passphrase", expected: "either passphrase or private_key")
        }
    }

    private func mapped<R>(_ field: String, _ body: () async throws -> R) async throws -> R {
        do { return try await body() } catch let error as BackupError { throw Problem(error, secret: field) } catch let error as FileError {
            throw Problem.unavailable("the folder of backups can't be read or written", cause: "\(error)")
        }
    }
}
