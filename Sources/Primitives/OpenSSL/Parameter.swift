import COpenSSL

/// Elements of the `OSSL_PARAM` arrays through which OpenSSL 3 is told its options. Names are static, because OpenSSL keeps
/// the pointer; values must live until the call that reads the array has returned.
extension OSSL_PARAM {
    static func octets(_ name: StaticString, _ value: UnsafePointer<UInt8>?, count: Int) -> OSSL_PARAM {
        // Never null: OpenSSL tells an empty value from an absent one by its pointer.
        let data = value.map { UnsafeMutableRawPointer(mutating: $0) } ?? UnsafeMutableRawPointer(mutating: name.utf8Start)
        return OSSL_PARAM_construct_octet_string(name.cString, data, count)
    }

    static func text(_ name: StaticString, _ value: StaticString) -> OSSL_PARAM {
        OSSL_PARAM_construct_utf8_string(name.cString, UnsafeMutablePointer(mutating: value.cString), 0)
    }

    static var end: OSSL_PARAM { OSSL_PARAM_construct_end() }
}

extension StaticString {
    /// NUL-terminated, and valid as long as the process.
    var cString: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}
