package import Primitives

extension CacheOnlyOptions {
    /// That an endpoint with these options can be saved.
    /// - Throws: `.invalid`, naming the field, or `.refused`.
    package func check(issuers: Int) throws(StoreError) {
        guard [15, 18].contains(organization.utf8.count), organization.utf8.allSatisfy(CacheOnlyOptions.isAlphanumeric) else {
            throw .invalid(field: "salesforce/organization", expected: "an org id of 15 or 18 letters and digits, such as 00D5f000001AbCd")
        }
        guard (1...8).contains(certificates.count), Set(certificates).count == certificates.count else {
            throw .invalid(field: "salesforce/certificates", expected: "one to eight certificates of the org, each once")
        }
        guard (.seconds(60) ... .seconds(86_400)).contains(nonceMemory) else {
            throw .invalid(field: "salesforce/nonce_memory_seconds", expected: "60 seconds to a day")
        }
        try authentication.check(issuers: issuers)
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}

extension CacheOnlyAuthentication {
    func check(issuers: Int) throws(StoreError) {
        guard needsHeader || !clientCertificates.isEmpty else {
            throw .invalid(
                field: "salesforce/authentication",
                expected: "at least one way to prove who calls: basic, signed_token, access_token or client_certificates")
        }
        guard passwords.count <= 4 else { throw .invalid(field: "salesforce/authentication/basic", expected: "at most four users with passwords") }
        guard clientCertificates.count <= 8, clientCertificates.allSatisfy({ Hex.decode($0)?.count == 32 && $0 == $0.lowercased() }) else {
            throw .invalid(field: "salesforce/authentication/client_certificates", expected: "at most eight SHA-256 fingerprints, 64 lower-case hexadecimal digits each")
        }
        if let signedToken { try signedToken.check() }
        if let accessToken {
            guard issuers > 0 else { throw .invalid(field: "issuer_ids", expected: "at least one issuer, whose access tokens the endpoint believes") }
            guard (1...128).contains(accessToken.scope.utf8.count), !accessToken.scope.utf8.contains(0x20) else {
                throw .invalid(field: "salesforce/authentication/access_token/scope", expected: "one word of at most 128 bytes")
            }
            guard (1...16).contains(accessToken.subjects.count), accessToken.subjects.allSatisfy({ (1...512).contains($0.utf8.count) }) else {
                throw .invalid(field: "salesforce/authentication/access_token/subjects", expected: "one to sixteen values of sub, so that another org's token of the same issuer is none")
            }
        }
    }
}

extension PinnedTokenRules {
    func check() throws(StoreError) {
        guard [issuer, subject, audience].allSatisfy({ (1...512).contains($0.utf8.count) }) else {
            throw .invalid(field: "salesforce/authentication/signed_token", expected: "iss, sub and aud of 1 to 512 bytes each")
        }
        guard (1...8).contains(certificates.count), Set(certificates.map(\.keyID)).count == certificates.count else {
            throw .invalid(field: "salesforce/authentication/signed_token", expected: "one to eight certificates, each with a kid of its own")
        }
        for signer in certificates {
            guard (1...128).contains(signer.keyID.utf8.count), (try? signer.certificate.publicKey()).map({ SignatureAlgorithm.rs256.fits($0.type) }) == true
            else { throw .invalid(field: "salesforce/authentication/signed_token", expected: "certificates with an RSA key of 2048 bits or more and a kid of 1 to 128 bytes") }
        }
        guard (.zero ... .seconds(60)).contains(skew), (.seconds(10) ... .seconds(3600)).contains(maxLifetime) else {
            throw .invalid(field: "salesforce/authentication/signed_token", expected: "a clock skew of at most 60 s and a lifetime of 10 s to an hour")
        }
    }
}

extension Certificate {
    /// That keys can be encrypted to it at all: its key is of RSA.
    /// - Throws: `.refused`, saying what was found.
    @discardableResult
    package func checkForEncryption() throws(StoreError) -> PublicKey {
        let key: PublicKey
        do { key = try publicKey() } catch { throw .refused("the certificate “\(subject)” has no acceptable key: \(error)") }
        guard case .rsa = key.type else { throw .refused("expected a certificate with an RSA key, found \(key.type) in “\(subject)”") }
        return key
    }

    /// That Salesforce's BYOK-compatible certificates are so: RSA with 4096 bits and the exponent 65537, and valid at that moment, if one is named.
    /// - Throws: `.refused`, saying what was found.
    package func checkForWrapping(at moment: Instant?) throws(StoreError) {
        let key = try checkForEncryption()
        guard key.type == .rsa(bits: 4096) else {
            throw .refused("expected a BYOK-compatible certificate with an RSA key of 4096 bits, found \(key.type) in “\(subject)”")
        }
        guard case .rsa(_, "AQAB")? = try? key.jwk() else { throw .refused("expected the exponent 65537 in “\(subject)”") }
        guard let now = moment else { return }
        guard notBefore <= now.seconds, now.seconds <= notAfter else {
            throw .refused("the certificate “\(subject)” is not valid now: make a new one in the org")
        }
    }
}
