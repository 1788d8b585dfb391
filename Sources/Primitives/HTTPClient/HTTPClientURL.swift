import CCurl

/// A URL that libcurl has parsed, and will use exactly as parsed here.
final class HTTPClientURL {
    let handle: OpaquePointer  // CURLU *
    let host: String

    /// - Throws: `.invalidURL`; `.protocolRefused` for a scheme other than https and, if `plain`, http.
    init(_ text: String, allowingPlainHTTP plain: Bool) throws(HTTPClientError) {
        guard let handle = curl_url() else { throw .library(code: Int(CURLE_OUT_OF_MEMORY.rawValue), "out of memory") }
        self.handle = handle
        let flags = CUnsignedInt(CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER)
        guard !text.utf8.contains(0), curl_url_set(handle, CURLUPART_URL, text, flags) == CURLUE_OK,
            let scheme = Self.part(handle, CURLUPART_SCHEME)?.lowercased()
        else {
            host = ""
            throw .invalidURL
        }
        host = Self.part(handle, CURLUPART_HOST) ?? ""
        guard scheme == "https" || (plain && scheme == "http") else { throw .protocolRefused(scheme) }
        guard !host.isEmpty else { throw .invalidURL }
    }

    deinit { curl_url_cleanup(handle) }

    private static func part(_ handle: OpaquePointer, _ part: CURLUPart) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, part, &text, 0) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
