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

    /// That the org's certificates can be encrypted to. One that was checked before and has expired since doesn't keep an endpoint from being
    /// changed.
    static func checkCertificates(_ entry: EndpointEntry, replacing present: EndpointEntry?, at now: Instant) throws(StoreError) {
        guard let options = entry.salesforce else { return }
        guard !options.allowsAnyCertificate else {
            for certificate in options.certificates { try certificate.checkForEncryption() }
            return
        }
        let before = present?.salesforce
        let checked = Set(before?.allowsAnyCertificate == false ? before?.certificates ?? [] : [])
        for certificate in options.certificates { try certificate.checkForWrapping(at: checked.contains(certificate) ? nil : now) }
    }

    /// The options of an org's endpoint.
    static func salesforce(of entry: EndpointEntry) throws(StoreError) -> CacheOnlyOptions {
        guard let options = entry.salesforce else {
            throw .invalid(field: "salesforce", expected: "nothing: only the door salesforce has these options")
        }
        return options
    }
}
