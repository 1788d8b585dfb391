import COpenSSL

/// A call of OpenSSL that failed, with everything its error queue held.
package struct OpenSSLError: Error, Equatable, CustomStringConvertible {
    /// The C function.
    package let operation: String
    /// The error codes, oldest first; `openssl errstr <hex>` explains one.
    package let codes: [UInt]

    /// Names the function and the reasons in OpenSSL's words; they never hold data.
    package var description: String {
        let reasons = codes.map { code in
            ERR_reason_error_string(CUnsignedLong(code)).map { String(cString: $0) } ?? "error \(String(code, radix: 16))"
        }
        return reasons.isEmpty ? "\(operation) failed" : "\(operation): \(reasons.joined(separator: "; "))"
    }

    /// The failure of `operation`; always empties the queue: a rest would be blamed on the next caller.
    static func drain(_ operation: String) -> OpenSSLError {
        var codes: [UInt] = []
        while case let code = ERR_get_error(), code != 0 { codes.append(UInt(code)) }
        return OpenSSLError(operation: operation, codes: codes)
    }

    /// Throws unless `result` is 1, OpenSSL's success.
    static func check(_ result: CInt, _ operation: String) throws(OpenSSLError) {
        guard result == 1 else { throw drain(operation) }
    }

    /// The pointer, or the failure of `operation` if there is none.
    static func check<P>(_ pointer: P?, _ operation: String) throws(OpenSSLError) -> P {
        guard let pointer else { throw drain(operation) }
        return pointer
    }
}
