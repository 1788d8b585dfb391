import CCurl

/// Where a URL leads, read as libcurl will read it: what is checked here is what is connected to.
package struct HTTPClientTarget: Sendable, Equatable {
    /// In lower case.
    package let scheme: String
    /// A name in lower case, or an address without brackets.
    package let host: String
    /// The URL's, or the scheme's own; nil if there is neither.
    package let port: UInt16?
    /// Whether the URL has no more than scheme, host and port.
    package let isBare: Bool

    /// Nil unless it is an absolute URL with a host, without credentials and without a fragment.
    package init?(_ url: String) {
        guard !url.utf8.contains(0), let handle = curl_url() else { return nil }
        defer { curl_url_cleanup(handle) }
        let flags = CUnsignedInt(CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER)
        guard curl_url_set(handle, CURLUPART_URL, url, flags) == CURLUE_OK,
            let scheme = HTTPClientTarget.part(handle, CURLUPART_SCHEME)?.lowercased(),
            let host = HTTPClientTarget.part(handle, CURLUPART_HOST)?.lowercased(), !host.isEmpty,
            HTTPClientTarget.part(handle, CURLUPART_FRAGMENT) == nil
        else { return nil }
        self.scheme = scheme
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = HTTPClientTarget.part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT).flatMap { UInt16($0) }
        let path = HTTPClientTarget.part(handle, CURLUPART_PATH) ?? ""
        isBare = (path.isEmpty || path == "/") && HTTPClientTarget.part(handle, CURLUPART_QUERY) == nil
    }

    /// Whether the host is this machine: `localhost`, 127.0.0.0/8 or ::1.
    package var isLoopback: Bool { host == "localhost" || HTTPClientAddress(host)?.isLoopback == true }

    private static func part(_ handle: OpaquePointer, _ part: CURLUPart, _ flags: Int32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, part, &text, CUnsignedInt(flags)) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}

extension HTTPClientAddress {
    /// Whether it is 127.0.0.0/8 or ::1.
    package var isLoopback: Bool { bytes.count == 4 ? bytes[0] == 127 : bytes == Array(repeating: 0, count: 15) + [1] }
}

extension HTTPClientAddressRule {
    /// This machine only.
    package static let loopbackOnly = HTTPClientAddressRule { $0.isLoopback }
}
