import COpenSSL

/// One block of a PEM text (RFC 7468), owned and cleansed when it ends: it may be a private key.
struct PEMBlock: ~Copyable {
    /// What stands after `BEGIN`.
    let label: String
    private let data: UnsafeMutablePointer<UInt8>
    private let count: Int

    deinit { shim_OPENSSL_clear_free(data, count) }

    /// Lends the decoded bytes.
    borrowing func withBytes<R, E: Error>(_ body: (UnsafeBufferPointer<UInt8>) throws(E) -> R) throws(E) -> R {
        try body(UnsafeBufferPointer(start: data, count: count))
    }

    /// The next block of `bio`; nil at its end.
    /// - Throws: `.malformed` if there is a block that can't be read, or an encrypted one.
    init?(readingFrom bio: borrowing MemoryBIO) throws(KeyImportError) {
        var (label, header): (UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?)
        var data: UnsafeMutablePointer<UInt8>?
        var count = 0
        let found = PEM_read_bio(bio.handle, &label, &header, &data, &count)
        defer {
            shim_OPENSSL_free(label)
            shim_OPENSSL_free(header)
        }
        guard found == 1, let label, let data else {
            let isAtEnd = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE
            _ = OpenSSLError.drain("PEM_read_bio")
            if isAtEnd { return nil }
            throw .malformed(expected: "PEM (RFC 7468)")
        }
        guard header.map({ $0.pointee == 0 }) ?? true else {
            shim_OPENSSL_clear_free(data, count)
            throw .malformed(expected: "PEM without encryption headers")
        }
        (self.label, self.data, self.count) = (String(cString: label), data, count)
    }

    /// The only block of a text, which must have the label.
    static func single(_ label: String, in bio: borrowing MemoryBIO) throws(KeyImportError) -> PEMBlock {
        guard let block = try PEMBlock(readingFrom: bio) else { throw .malformed(expected: "PEM with “BEGIN \(label)”") }
        guard block.label == label else {
            throw .malformed(expected: "PEM with “BEGIN \(label)”, found “BEGIN \(block.label)”")
        }
        guard try PEMBlock(readingFrom: bio) == nil else { throw .malformed(expected: "one PEM block, found several") }
        return block
    }
}

/// One memory `BIO`, for OpenSSL's text formats; what it holds is cleansed when it ends.
struct MemoryBIO: ~Copyable {
    let handle: OpaquePointer

    /// An empty one, to write to.
    init() throws(OpenSSLError) {
        handle = try OpenSSLError.check(BIO_new(BIO_s_secmem()), "BIO_new")
    }

    /// One to read a copy of `bytes` from.
    init(_ bytes: UnsafePointer<UInt8>?, count: Int) throws(OpenSSLError) {
        let bio = try MemoryBIO()
        let isWritten = count == 0 || count <= CInt.max && BIO_write(bio.handle, bytes, CInt(count)) == CInt(count)
        guard isWritten else { throw .drain("BIO_write") }
        self = bio
    }

    deinit { BIO_free_all(handle) }

    /// Lends what was written.
    borrowing func withBytes<R: ~Copyable>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        var data: UnsafeMutablePointer<CChar>?
        let count = shim_BIO_get_mem_data(handle, &data)
        return body(UnsafeBufferPointer(start: UnsafeRawPointer(data)?.assumingMemoryBound(to: UInt8.self), count: Int(count)))
    }

    /// What was written, as text.
    borrowing func text() -> String { withBytes { String(decoding: $0, as: UTF8.self) } }
}
