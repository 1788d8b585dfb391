import Primitives

/// CipherTrust Cloud Key Management's endpoint policy, taken over unchanged: `{"basic": {…}}`. Its raw form (`{"rego": …}`) is
/// refused.
///
/// Source: CipherTrust Manager documentation, "Managing Google EKM Endpoint Policies"; field names as in ThalesGroup's
/// Terraform provider, resource `ekm_endpoint`.
extension PolicyReader {
    mutating func cckmPolicy(_ document: StrictDocument, _ text: String) -> AccessPolicy? {
        guard let members = note({ () throws(DocumentError) in try document.members(["basic", "rego"]) }) else { return nil }
        if let rego = members["rego"] {
            _ = note { () throws(DocumentError) in
                throw rego.error(
                    "Rego policies are evaluated by an OPA server and not here, which is not supported yet; write the rules as `version: 1`, or use CipherTrust's basic form"
                )
            }
            return nil
        }
        guard let basic = members["basic"], let fields = note({ () throws(DocumentError) in try CCKMBasic(basic) }) else { return nil }
        return AccessPolicy(name: "cckm-basic", summary: "A basic policy of CipherTrust", source: text, rules: fields.rules)
    }
}

/// The fields of the basic form.
private struct CCKMBasic {
    let clients: PrincipalSet
    var justifications = JustificationSet.any
    var attestation: AttestationCondition?

    init(_ document: StrictDocument) throws(DocumentError) {
        let members = try document.members([
            "clients", "justification_required", "justification_reason", "attestation_zones", "attestation_project_ids",
            "attestation_instance_names",
        ])
        clients = try CCKMBasic.clients(members["clients"], document)
        let isRequired = try members["justification_required"].map { (member) throws(DocumentError) in try member.bool() } ?? false
        let reasons = try CCKMBasic.list(members["justification_reason"], PolicyFields.justifications)
        if isRequired {
            guard let reasons else {
                throw (members["justification_reason"] ?? document).error(
                    "expected at least one reason in “justification_reason”, since justification_required is true")
            }
            justifications = reasons
        }
        var condition = AttestationCondition(isRequired: false)
        condition.zones = try CCKMBasic.list(members["attestation_zones"], PolicyFields.texts)
        condition.projects = try CCKMBasic.list(members["attestation_project_ids"], PolicyFields.texts)
        condition.instances = try CCKMBasic.list(members["attestation_instance_names"], PolicyFields.texts)
        if condition.zones != nil || condition.projects != nil || condition.instances != nil { attestation = condition }
    }

    /// Clients are exact e-mail addresses; none at all once meant everybody, which is refused here.
    private static func clients(_ member: StrictDocument?, _ document: StrictDocument) throws(DocumentError) -> PrincipalSet {
        guard let member, !member.isNull else { throw (member ?? document).error("expected at least one e-mail address in “clients”") }
        for element in try PolicyFields.list(member, of: "clients") {
            let text = try element.string()
            guard text.utf8.contains(0x40), !text.utf8.contains(where: { $0 == 0x2A || $0 == 0x3F }) else {
                throw element.error("expected an e-mail address without wildcards")
            }
        }
        return try PolicyFields.principals(member)
    }

    /// A list that may be absent, null or empty, which is nil; and never the word `any`.
    private static func list<T>(
        _ document: StrictDocument?, _ read: (StrictDocument) throws(DocumentError) -> T
    ) throws(DocumentError) -> T? {
        guard let document, !document.isNull else { return nil }
        return try document.elements().isEmpty ? nil : try read(document)
    }

    /// Use asks for clients and reasons; the public key, which no justification accompanies, for clients only.
    var rules: [PolicyRule] {
        var use = PolicyRule(name: "clients", effect: .allow)
        use.operations = OperationSet([.wrap, .unwrap, .sign])
        (use.principals, use.justifications, use.attestation) = (clients, justifications, attestation)
        var publicKey = PolicyRule(name: "clients-public-key", effect: .allow)
        publicKey.operations = OperationSet([.getPublicKey])
        publicKey.principals = clients
        return [use, publicKey]
    }
}
