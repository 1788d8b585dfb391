import COpenSSL

extension PrivateKey {
    /// A key in any of the forms that administrators have: PEM with PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`), where a line
    /// break may also be the two characters `\n`; or base64 of the DER of either.
    /// - Throws: `KeyImportError` unless it is exactly one unencrypted private key that passes every check.
    package convenience init(text: borrowing SecretBytes) throws(KeyImportError) {
        try self.init(checking: try PrivateKey.decode(text: text), .full)
    }

    private static func decode(text: borrowing SecretBytes) throws(KeyImportError) -> KeyHandle {
        guard isPEM(text) else {
            let base64 = text.withSpan { span in ArraySlice(span.indices.map { span[$0] }.filter { $0 != 0x0A && $0 != 0x0D }) }
            guard let der = try? Base64.decodeSecretLenient(base64) else { throw unreadable }
            let count = der.count
            return try der.withPointer { (bytes) throws(KeyImportError) in try decode(anyDER: UnsafeBufferPointer(start: bytes, count: count)) }
        }
        let lines = withLineBreaks(text)
        let count = lines.count
        let bio: MemoryBIO
        do {
            bio = try lines.withPointer { (bytes) throws(OpenSSLError) in try MemoryBIO(bytes, count: count) }
        } catch { throw .library(error) }
        guard let block = try PEMBlock(readingFrom: bio), ["PRIVATE KEY", "RSA PRIVATE KEY"].contains(block.label) else { throw unreadable }
        guard try PEMBlock(readingFrom: bio) == nil else { throw .malformed(expected: "one PEM block, found several") }
        let isPKCS1 = block.label == "RSA PRIVATE KEY"
        return try block.withBytes { (der) throws(KeyImportError) in isPKCS1 ? try decode(pkcs1: der) : try decode(der) }
    }

    private static var unreadable: KeyImportError {
        .malformed(expected: "an unencrypted private key: PEM with “BEGIN PRIVATE KEY” or “BEGIN RSA PRIVATE KEY”, or base64 of its DER")
    }

    private static func isPEM(_ text: borrowing SecretBytes) -> Bool {
        let dashes = Array("-----BEGIN".utf8)
        return text.withSpan { span in
            guard span.count >= dashes.count else { return false }
            return (0...min(64, span.count - dashes.count)).contains { start in dashes.indices.allSatisfy { span[start + $0] == dashes[$0] } }
        }
    }

    /// The text with each `\n` of two characters made one line break.
    private static func withLineBreaks(_ text: borrowing SecretBytes) -> SecretBytes {
        var bytes = text.withSpan { span in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(span.count)
            var index = 0
            while index < span.count {
                let isBreak = span[index] == 0x5C && index + 1 < span.count && span[index + 1] == 0x6E
                bytes.append(isBreak ? 0x0A : span[index])
                index += isBreak ? 2 : 1
            }
            return bytes
        }
        defer { bytes.wipe() }
        return SecretBytes(copying: bytes)
    }

    private static func decode(anyDER der: UnsafeBufferPointer<UInt8>) throws(KeyImportError) -> KeyHandle {
        if let handle = try? decode(der) { return handle }
        return try decode(pkcs1: der)
    }

    /// An `RSAPrivateKey` (RFC 8017, A.1.2).
    private static func decode(pkcs1 der: UnsafeBufferPointer<UInt8>) throws(KeyImportError) -> KeyHandle {
        var next = der.baseAddress
        let key = d2i_PrivateKey_ex(EVP_PKEY_RSA, nil, &next, der.count, nil, nil)
        guard let key else {
            _ = OpenSSLError.drain("d2i_PrivateKey_ex")
            throw unreadable
        }
        let handle = KeyHandle(owning: key)
        guard next == der.baseAddress.map({ $0 + der.count }) else { throw unreadable }
        return handle
    }
}
