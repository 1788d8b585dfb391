import KeyCore
import Primitives

/// What an administrator should know of an endpoint as it is now.
enum EndpointWarnings {
    /// What its state does to the vendor; nil if it serves.
    static func state(_ state: EndpointState, of door: FrontDoorKind) -> String? {
        switch (door, state) {
        case (_, .active): nil
        case (.kacls, .paused): "Requests are answered 503: nobody can open or save encrypted content until it is active again. Nothing is lost."
        case (.kacls, .disabled):
            "Requests are answered 403: nobody can open or save encrypted content until it is active again, and people are told that they have no access."
        case (.salesforce, .paused):
            """
            Callouts are answered 503. Salesforce marks a key whose callout fails as destroyed, and asks again every minute, then every five \
            minutes, for a day; after this endpoint is active again its keys come back by themselves within that time.
            """
        case (.salesforce, .disabled), (.salesforce, .archived):
            """
            Callouts are answered 404: when Salesforce next asks, it marks the org's keys as destroyed, and data encrypted with them can't be read. \
            It asks again for a day; later somebody must activate the keys in the org.
            """
        case (_, .paused): "Requests are answered 503: Google Cloud tries again, and nothing is disabled there."
        case (_, .disabled):
            """
            Requests are answered 403: Google Cloud then disables the key versions that point here, and after this endpoint is active again \
            somebody must enable them there.
            """
        case (_, .archived): "It is laid away: requests are answered 403 as if it were disabled, and nothing of it can be changed until it is brought back."
        }
    }

    /// That pinned client certificates are never asked for; nil if they are, or none is pinned.
    static func unasked(_ entry: EndpointEntry, _ asks: (String) -> Bool) -> String? {
        guard let names = entry.salesforce.map({ _ in entry.hostnames.filter { !asks($0) } }), !names.isEmpty,
            entry.salesforce?.authentication.clientCertificates.isEmpty == false
        else { return nil }
        return """
            Client certificates are pinned, but under \(AuditText.clean(names.joined(separator: ", "), limit: 300)) callers are asked for none, so each is \
            refused: set clientCertificates: pinned for that name in dataPlane.certificates of the configuration.
            """
    }

    /// Everything: its state, and what in its options is open, weak or won't work.
    /// - Parameter asks: whether callers are asked for a client certificate under a host name.
    static func all(_ entry: EndpointEntry, port: Int?, asks: (String) -> Bool) -> [String] {
        var warnings = [state(entry.state, of: entry.door)].compactMap(\.self)
        func warn(_ condition: Bool, _ text: String) { if condition { warnings.append(text) } }
        if let salesforce = entry.salesforce {
            warn(salesforce.allowsAnyCertificate, "Certificates of the org of any size and age are accepted: for tests only.")
            warn(
                salesforce.authentication.passwords.count > 1,
                "\(salesforce.authentication.passwords.count) passwords are valid: take the old one away when the org has the new.")
        }
        if let text = unasked(entry, asks) { warnings.append(text) }
        guard let kacls = entry.kacls else { return warnings }
        let urls = EndpointSchemas.urls(entry, port: port)
        warn(
            !urls.contains { $0.hasSuffix("/\(entry.path)") },
            "None of its URLs ends in /\(entry.path): requests only arrive if something before this server changes their path.")
        warn(
            kacls.urls.isEmpty && port != nil && port != 443,
            "Its URL names no port, but the data plane listens on \(port ?? 0): say so in urls unless something before it listens on 443.")
        warn(kacls.ownerDomains.isEmpty, "owner_domains is empty: anybody can register this URL for a Workspace domain of their own; the policy alone keeps them out.")
        warn(
            kacls.origins.isEmpty || !kacls.origins.contains(KACLSOptions.defaultOrigins[0]),
            "\(KACLSOptions.defaultOrigins[0]) is not among the origins: browsers will not show our answers to Google's pages.")
        warn(kacls.googleIssuers.isEmpty && kacls.authorizationIssuers.isEmpty, "No issuer of authorization tokens is believed: every request of a user will be refused.")
        warn(!kacls.identityProviders.contains(where: \.vouchesForUsers), "No identity provider vouches for users: nobody can open or save anything.")
        let lists = kacls.privileged
        let named = lists.wrap + lists.unwrap + lists.privateKeyDecrypt + lists.wrapPrivateKey
        warn(
            !named.isEmpty && !kacls.identityProviders.contains(where: \.vouchesForPrivileged),
            "Privileged users are named, but no identity provider vouches for them (privileged): they will all be refused.")
        let wide = (lists.unwrap + lists.privateKeyDecrypt).filter { $0.hasPrefix("domain:") || $0.contains("*") || $0.contains("?") }
        warn(!wide.isEmpty, "Whole groups of people may take keys out (\(AuditText.clean(wide[0, or: ""], limit: 100))): name single people, with a second factor at their provider.")
        warn(kacls.allowsGuests && !kacls.requiresGuestProvider, "Guests are served on the word of the ordinary identity provider: set guests.own_provider to demand one of their own.")
        warn(kacls.allowsSHA1, "Digests of SHA-1 are signed, which can be forged.")
        return warnings
    }
}

extension [String] {
    fileprivate subscript(index: Int, or other: String) -> String { indices.contains(index) ? self[index] : other }
}
