import Primitives

/// A field that is not as it has to be.
struct KACLSDecodingFailure: Error, Equatable {
    let field: String
    let problem: String
}

/// The fields of all methods' bodies, with Google's spelling.
enum KACLSField: String, CaseIterable {
    case authentication, authorization, key, reason, algorithm, digest
    case wrappedKey = "wrapped_key"
    case resourceName = "resource_name"
    case perimeterID = "perimeter_id"
    case privateKey = "private_key"
    case wrappedPrivateKey = "wrapped_private_key"
    case encryptedDataEncryptionKey = "encrypted_data_encryption_key"
    case oaepLabel = "rsa_oaep_label"
    case saltLength = "rsa_pss_salt_length"
    case spkiHash = "spki_hash"
    case spkiHashAlgorithm = "spki_hash_algorithm"
    case originalURL = "original_kacls_url"
}

/// A body: one JSON object. Fields that we don't know are ignored, `null` is absent, a field that comes twice is refused.
struct KACLSRequest: Sendable {
    /// The bytes of texts, unescaped; the digits of numbers.
    private var fields: [KACLSField: ArraySlice<UInt8>] = [:]

    /// Reads a body.
    init(_ body: [UInt8]) throws(KACLSDecodingFailure) {
        var scanner = JSONScanner(body, maxDepth: 16)
        do throws(JSONScanner.Failure) {
            try scanner.beginObject()
            while let name = try scanner.nextMember() {
                if try scanner.skipNull() { continue }
                if let field = scanner.string(name).flatMap(KACLSField.init) {
                    try read(field, &scanner)
                } else {
                    try scanner.skipValue()
                }
            }
            try scanner.endDocument()
        } catch {
            throw KACLSDecodingFailure(field: "body", problem: "expected one JSON object")
        }
        if let duplicate { throw KACLSDecodingFailure(field: duplicate.rawValue, problem: "this field occurs twice") }
        if let mistyped { throw KACLSDecodingFailure(field: mistyped.rawValue, problem: "expected \(mistyped == .saltLength ? "an integer" : "text")") }
    }

    private var duplicate: KACLSField?
    private var mistyped: KACLSField?

    private mutating func read(_ field: KACLSField, _ scanner: inout JSONScanner) throws(JSONScanner.Failure) {
        if fields[field] != nil { duplicate = field }
        switch (try scanner.peek(), field) {
        case (.number, .saltLength): fields[field] = try scanner.number()
        case (.string, .saltLength), (.number, _), (.object, _), (.array, _), (.bool, _), (.null, _):
            mistyped = field
            try scanner.skipValue()
        case (.string, _):
            let text = try scanner.text()
            guard let string = scanner.string(text) else {
                mistyped = field
                return
            }
            fields[field] = text.hasEscapes ? ArraySlice(string.utf8) : scanner.raw(text)
        }
    }

    // MARK: Values

    /// A text that must be there, perhaps empty.
    func text(_ field: KACLSField, atMost limit: Int) throws(KACLSDecodingFailure) -> String {
        guard let text = try optionalText(field, atMost: limit) else { throw missing(field) }
        return text
    }

    /// A text that may be missing.
    func optionalText(_ field: KACLSField, atMost limit: Int) throws(KACLSDecodingFailure) -> String? {
        guard let bytes = fields[field] else { return nil }
        guard bytes.count <= limit else { throw KACLSDecodingFailure(field: field.rawValue, problem: "expected at most \(limit) bytes") }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A token's compact form; an absent one is the caller's failure to say who asks, not a malformed request.
    func token(_ field: KACLSField) throws(KACLSError) -> [UInt8] {
        guard let bytes = fields[field], !bytes.isEmpty else {
            throw KACLSError(401, "\(field.rawValue): expected a token", cause: "token-absent")
        }
        return Array(bytes)
    }

    /// Bytes in base64 of either alphabet, padded or not: at least one.
    func bytes(_ field: KACLSField, atMost limit: Int) throws(KACLSDecodingFailure) -> [UInt8] {
        let text = try base64Text(field, atMost: limit)
        do { return try Base64.decodeLenient(text) } catch { throw malformed(field) }
    }

    /// As `bytes`, into locked memory.
    func secret(_ field: KACLSField, atMost limit: Int) throws(KACLSDecodingFailure) -> SecretBytes {
        let text = try base64Text(field, atMost: limit)
        let secret: SecretBytes
        do { secret = try Base64.decodeSecretLenient(text) } catch { throw malformed(field) }
        guard secret.count <= limit else { throw KACLSDecodingFailure(field: field.rawValue, problem: "expected at most \(limit) bytes") }
        return secret
    }

    /// Bytes as they came, into locked memory.
    func rawSecret(_ field: KACLSField, atMost limit: Int) throws(KACLSDecodingFailure) -> SecretBytes {
        guard let bytes = fields[field], !bytes.isEmpty else { throw missing(field) }
        guard bytes.count <= limit else { throw KACLSDecodingFailure(field: field.rawValue, problem: "expected at most \(limit) bytes") }
        return SecretBytes(copying: bytes)
    }

    /// Whether the field is there and not empty.
    func has(_ field: KACLSField) -> Bool { fields[field]?.isEmpty == false }

    /// An integer that may be missing.
    func integer(_ field: KACLSField) throws(KACLSDecodingFailure) -> Int? {
        guard let digits = fields[field] else { return nil }
        guard let number = Int(String(decoding: digits, as: UTF8.self)) else {
            throw KACLSDecodingFailure(field: field.rawValue, problem: "expected an integer")
        }
        return number
    }

    private func base64Text(_ field: KACLSField, atMost limit: Int) throws(KACLSDecodingFailure) -> ArraySlice<UInt8> {
        guard let text = fields[field] else { throw missing(field) }
        guard !text.isEmpty else { throw KACLSDecodingFailure(field: field.rawValue, problem: "expected at least one byte in base64") }
        guard text.count <= (limit + 2) / 3 * 4 else {
            throw KACLSDecodingFailure(field: field.rawValue, problem: "expected at most \(limit) bytes in base64")
        }
        return text
    }

    private func missing(_ field: KACLSField) -> KACLSDecodingFailure {
        KACLSDecodingFailure(field: field.rawValue, problem: "this field is missing")
    }

    private func malformed(_ field: KACLSField) -> KACLSDecodingFailure {
        KACLSDecodingFailure(field: field.rawValue, problem: "expected base64")
    }
}
