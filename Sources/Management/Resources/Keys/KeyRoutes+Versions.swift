import KeyCore
import Primitives

/// The life of a key's versions: rotation, states, destruction.
extension KeyRoutes {
    var versionRoutes: [Route] {
        [
            Route(
                .post, "/api/v1/keys/{key}/rotate", "rotateKey", "Add a version, which wraps from now on; earlier ones go on unwrapping",
                tag: "Keys", access: .needsOn(.rotateKeys, .key, parameter: "key"), event: .keyRotated,
                answers: [201: .json(KeySchemas.key)], isCreation: true, allowsDryRun: true, allowsIfMatch: true, handler: rotate),
            Route(
                .put, "/api/v1/keys/{key}/versions/{version}/state", "setKeyVersionState",
                """
                Resume (active), suspend, deactivate a version or mark it compromised. A suspended one is answered with 403, on which Google \
                Cloud disables its key version; to stop for a moment without that, pause the endpoint
                """,
                tag: "Keys", access: .needsOn(.changeStateOfKeys, .key, parameter: "key"), event: .keyStateChanged,
                quorum: .disableEndpoint, parameters: KeyRoutes.versionParameter,
                body: .json(.object(name: "KeyVersionStateChange", [
                    .required("state", .oneOf(["active", "suspended", "deactivated", "compromised"])),
                    .optional("confirm", .boolean, "Must be true to suspend what is served to a Salesforce org, which then destroys its key"),
                ])),
                answers: [200: .json(KeySchemas.key)], allowsDryRun: true, allowsIfMatch: true, handler: setState),
            Route(
                .put, "/api/v1/keys/{key}/versions/{version}/destruction", "scheduleKeyVersionDestruction",
                "Have a version's material destroyed later: for good, unless it is called off before", tag: "Keys",
                access: .needsOn(.destroyKeys, .key, parameter: "key"), event: .keyDestructionScheduled, quorum: .destroyKey,
                parameters: KeyRoutes.versionParameter,
                body: .json(.object(name: "KeyDestructionSchedule", [
                    .optional("after_days", .integer(0...365), "In so many days"),
                    .optional("at", .time, "Instead: at this moment, at most 365 days ahead"),
                ])),
                answers: [200: .json(KeySchemas.key)], allowsDryRun: true, allowsIfMatch: true, handler: schedule),
            Route(
                .delete, "/api/v1/keys/{key}/versions/{version}/destruction", "cancelKeyVersionDestruction",
                "Call a scheduled destruction off", tag: "Keys", access: .needsOn(.destroyKeys, .key, parameter: "key"),
                event: .keyDestructionCancelled, parameters: KeyRoutes.versionParameter, answers: [200: .json(KeySchemas.key)],
                allowsDryRun: true, allowsIfMatch: true, handler: cancel),
            Route(
                .post, "/api/v1/keys/{key}/versions/{version}/destroy", "destroyKeyVersion",
                "Destroy a deactivated or compromised version's material at once, for good", tag: "Keys",
                access: .needsOn(.destroyKeys, .key, parameter: "key"), event: .keyDestroyed, quorum: .destroyKey,
                parameters: KeyRoutes.versionParameter,
                body: .json(.object(name: "KeyDestruction", [.optional("confirm", .text(1...128), "The key's name")])),
                answers: [200: .json(KeySchemas.key)], allowsDryRun: true, allowsIfMatch: true, handler: destroy),
        ]
    }

    static let versionParameter = ["version": Schema.integer(1...Int64(UInt32.max))]

    static func version(_ call: APICall) -> KeyVersionNumber { call.parameters["version"].flatMap { KeyVersionNumber($0) } ?? 0 }

    private func rotate(_ call: APICall) async throws -> APIAnswer {
        let keys = call.stores.keys
        let present = try await keys.find(try call.id("key", as: KeyID.self))
        let key = try await keys.rotate(present.id, source: try source(of: present), expecting: call.expectedRevision)
        return rotated(key, call)
    }

    func rotated(_ key: Key, _ call: APICall) -> APIAnswer {
        var answer = changed(key, call, version: key.versions.first?.number)
        answer.status = 201
        answer.headers.append(("Location", "/api/v1/keys/\(key.id)"))
        return answer
    }

    private func setState(_ call: APICall) async throws -> APIAnswer {
        guard let state = call.body["state"]?.string.flatMap(KeyState.init) else { throw Problem.invalid("/state", expected: "a state") }
        let number = KeyRoutes.version(call)
        if state == .suspended, call.body["confirm"]?.bool != true,
            let served = try await call.stores.cacheOnlyKeys.served(number, of: try call.id("key")).first
        {
            throw Problem(
                .confirmationRequired, "it is served as the key “\(served.identifier)” of a Salesforce org. \(CacheOnlyKeySchemas.warning)",
                remedy: "repeat with \"confirm\": true")
        }
        let key = try await call.stores.keys.setState(state, of: try call.id("key"), version: number, expecting: call.expectedRevision)
        return changed(key, call, version: number, cause: state.rawValue)
    }

    private func schedule(_ call: APICall) async throws -> APIAnswer {
        let now = call.stores.clock.now
        let due: Instant
        switch (call.body["after_days"]?.integer, call.body.instant("at")) {
        case (let days?, nil): due = now + .seconds(days * 86_400)
        case (nil, let moment?) where moment <= now + .seconds(365 * 86_400): due = max(now, moment)
        case (nil, _?): throw Problem.invalid("/at", expected: "a moment at most 365 days ahead")
        default: throw Problem.invalid("/after_days", expected: "one of after_days and at")
        }
        let number = KeyRoutes.version(call)
        let key = try await call.stores.keys.scheduleDestruction(
            due, of: try call.id("key"), version: number, expecting: call.expectedRevision)
        return changed(key, call, version: number, cause: "due " + RFC3339.string(due))
    }

    private func cancel(_ call: APICall) async throws -> APIAnswer {
        let number = KeyRoutes.version(call)
        let key = try await call.stores.keys.scheduleDestruction(
            nil, of: try call.id("key"), version: number, expecting: call.expectedRevision)
        return changed(key, call, version: number, cause: "cancelled")
    }

    private func destroy(_ call: APICall) async throws -> APIAnswer {
        let id: KeyID = try call.id("key")
        let number = KeyRoutes.version(call)
        let name = try await call.stores.keys.find(id).name
        guard let given = call.body["confirm"]?.string, given.utf8.elementsEqual(name.utf8) else {
            throw Problem(
                .confirmationRequired, "this destroys version \(number) of the key “\(name)” for good: what it wrapped can never be read again",
                remedy: "repeat it with \"confirm\": the key's name, or schedule the destruction, which can be called off")
        }
        let key = try await call.stores.keys.setState(.destroyed, of: id, version: number, expecting: call.expectedRevision)
        if !call.isDryRun {
            let afterDestruction = services.afterDestruction
            try? await Offload.run { afterDestruction() }
        }
        return changed(key, call, version: number)
    }
}

extension AuditEvent {
    static let keyDestructionCancelled = AuditEvent("key.destruction-cancelled")
}
