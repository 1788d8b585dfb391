import Primitives

/// What every endpoint must obey.
enum EndpointRules {
    /// What can be said of it alone.
    static func check(_ entry: EndpointEntry) throws(StoreError) {
        try EntityName.check(entry.name)
        try FreeText.check(description: entry.description)
        try check(path: entry.path)
        for hostname in entry.hostnames { try check(hostname: hostname) }
        guard (1...16).contains(entry.hostnames.count) else {
            throw .invalid(field: "hostnames", expected: "1 to 16 host names, under which the cloud calls us")
        }
        try checkOptions(entry)
        try checkSalesforce(entry)
        guard (entry.door == .salesforce ? 0...64 : 1...64).contains(entry.issuers.count) else {
            throw .invalid(field: "issuer_ids", expected: "1 to 64 issuers, whose tokens the endpoint believes")
        }
        try check(entry.extraAudiences, "extra_audiences", "audiences")
        try check(entry.allowedProjects, "allowed_projects", "projects")
    }

    private static func check(_ texts: [String], _ field: String, _ words: String) throws(StoreError) {
        guard texts.count <= 256, texts.allSatisfy({ (1...512).contains($0.utf8.count) && FreeText.isAcceptable($0) }) else {
            throw .invalid(field: field, expected: "at most 256 \(words) of 1 to 512 bytes")
        }
    }

    /// That nothing else has its name or path.
    static func checkUniqueness(_ entry: EndpointEntry, _ connection: borrowing SQLConnection) throws {
        let twins = try connection.query(
            "SELECT id FROM endpoints WHERE (name = $1 OR path = $2) AND id <> $3",
            [.text(entry.name), .text(entry.path), .text(entry.id.description)])
        guard twins.isEmpty else { throw StoreError.exists("an endpoint named “\(entry.name)” or at /\(entry.path)") }
    }

    /// That what the endpoint names is there, and that each value of `iss` has one issuer.
    static func checkParts(_ entry: EndpointEntry, _ connection: borrowing SQLConnection) throws {
        let purpose = entry.door == .salesforce ? KeyPurpose.cacheOnly : .wrap
        guard let key = try connection.query("SELECT purpose FROM keys WHERE id = $1", [.text(entry.keyID.description)]).first,
            try key.text("purpose") == purpose.rawValue
        else {
            let use = purpose == .wrap ? "wraps" : "is for the purpose \(purpose.rawValue)"
            throw StoreError.invalid(field: "key_id", expected: "the id of a key that exists and \(use)")
        }
        guard try !connection.query("SELECT id FROM policies WHERE id = $1", [.text(entry.policyID.description)]).isEmpty else {
            throw StoreError.invalid(field: "policy_id", expected: "the id of a policy that exists")
        }
        try checkURLs(entry, connection)
        try checkTenant(entry, connection)
        let issuers = try IssuerRow.all(connection).filter { entry.issuers.contains($0.id) }
        for id in entry.issuers where !issuers.contains(where: { $0.id == id }) {
            throw StoreError.invalid(field: "issuer_ids", expected: "ids of issuers that exist; \(id) does not")
        }
        try checkClaims(issuers)
    }

    /// That no two of an endpoint's issuers claim one value of `iss`.
    static func checkClaims(_ issuers: [Issuer]) throws(StoreError) {
        var owners: [String: Issuer] = [:]
        for issuer in issuers {
            for value in issuer.values {
                guard let other = owners.updateValue(issuer, forKey: value), other.id != issuer.id else { continue }
                throw .refused("issuers “\(other.name)” and “\(issuer.name)” both claim “\(value)”: an endpoint can believe one of them")
            }
        }
    }

    /// Several segments of unreserved characters (RFC 3986, 2.3) without `.` and `..`.
    private static func check(path: String) throws(StoreError) {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        let isFine = path.utf8.count <= 512 && segments.allSatisfy { segment in
            !segment.isEmpty && segment != "." && segment != ".."
                && segment.utf8.allSatisfy { $0 == 0x2D || $0 == 0x2E || $0 == 0x5F || $0 == 0x7E || isAlphanumeric($0) }
        }
        guard isFine else { throw .invalid(field: "path", expected: "a path such as v0/ekm/keys/disk, of letters, digits and - . _ ~") }
    }

    private static func check(hostname: String) throws(StoreError) {
        let labels = hostname.split(separator: ".", omittingEmptySubsequences: false)
        let isFine = hostname.utf8.count <= 253 && labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { $0 == 0x2D || isAlphanumeric($0) }
        }
        guard isFine else { throw .invalid(field: "hostnames", expected: "host names such as ekm.example.com, without scheme, port and path") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
