import Primitives

extension EndpointRules {
    /// That the options of the Cache-Only Key Service are where they belong, and let nobody in unproved.
    static func checkSalesforce(_ entry: EndpointEntry) throws(StoreError) {
        guard (entry.door == .salesforce) == (entry.salesforce != nil) else {
            throw .invalid(
                field: "salesforce",
                expected: entry.door == .salesforce ? "the options of the org with the door salesforce" : "nothing: only the door salesforce has these options")
        }
        try entry.salesforce?.check(issuers: entry.issuers.count)
    }

    /// That the org's certificates which weren't there before can be encrypted to. One that has expired since doesn't keep an endpoint from
    /// being changed.
    static func checkCertificates(_ entry: EndpointEntry, replacing present: EndpointEntry?, at now: Instant) throws(StoreError) {
        guard let options = entry.salesforce, !options.allowsAnyCertificate else { return }
        let known = Set(present?.salesforce?.certificates ?? [])
        for certificate in options.certificates where !known.contains(certificate) { try certificate.checkForWrapping(at: now) }
    }

    /// The options of an org's endpoint.
    static func salesforce(of entry: EndpointEntry) throws(StoreError) -> CacheOnlyOptions {
        guard let options = entry.salesforce else {
            throw .invalid(field: "salesforce", expected: "nothing: only the door salesforce has these options")
        }
        return options
    }
}
