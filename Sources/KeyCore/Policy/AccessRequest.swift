package import Primitives

/// Everything that a decision depends on: who asks which key to do what, why, from where and when.
package struct AccessRequest: Sendable {
    /// What is asked for.
    package let operation: Operation
    /// The key.
    package let key: KeyID
    /// Why, in Google's words.
    package let justification: Justification
    /// The resource that the data key protects, as the front door's protocol names it.
    package let resource: String?
    /// The perimeter that the caller's token names; nil and empty mean none.
    package let perimeter: String?
    /// Where the request came from.
    package let address: IPAddress?
    /// When the request came.
    package let time: Instant
    /// What is proven about the machine that asks; nil if nothing is.
    package let attestation: AttestationFacts?
    /// In which part the caller calls; a guest's device in two.
    package let kinds: CallerKinds
    /// What the tokens say.
    package let tokens: TokenFacts?
    /// The caller in the form that is compared.
    let caller: PrincipalName

    /// A request.
    /// - Parameters:
    ///   - principal: the e-mail address or subject of a *verified* token, unchanged.
    ///   - resource: compared byte for byte with the policy's patterns.
    package init(
        _ operation: Operation, of key: KeyID, by principal: String, because justification: Justification = .missing,
        resource: String? = nil, perimeter: String? = nil, from address: IPAddress? = nil, at time: Instant,
        attestation: AttestationFacts? = nil, as kinds: CallerKinds = .service, with tokens: TokenFacts? = nil
    ) {
        (self.operation, self.key, self.justification) = (operation, key, justification)
        (self.resource, self.perimeter, self.address) = (resource, perimeter, address)
        (self.kinds, self.tokens) = (kinds, tokens)
        (self.time, self.attestation, self.caller) = (time, attestation, PrincipalName(principal))
    }

    /// The caller's e-mail address or subject, as the token spells it.
    package var principal: String { caller.given }
}

/// What a verified attestation says about the machine that asks.
package struct AttestationFacts: Sendable, Equatable {
    /// The zone, as `europe-west3-a`.
    package let zone: String?
    /// The project's id.
    package let project: String?
    /// The instance's name.
    package let instance: String?
    /// Whether it is a confidential virtual machine.
    package let confidential: Bool

    /// Facts; nil for what is not proven.
    package init(zone: String? = nil, project: String? = nil, instance: String? = nil, confidential: Bool) {
        (self.zone, self.project, self.instance, self.confidential) = (zone, project, instance, confidential)
    }
}
