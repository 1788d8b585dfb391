import CCurl
import Glibc

/// Sets the options of an easy handle for one transfer, and owns the lists that libcurl doesn't copy.
final class HTTPClientSetup {
    private let easy: UnsafeMutableRawPointer
    private var lists: [UnsafeMutablePointer<curl_slist>] = []

    init(easy: UnsafeMutableRawPointer) { self.easy = easy }

    deinit { for list in lists { curl_slist_free_all(list) } }

    // MARK: Request

    /// Method, headers and time limits.
    func apply(_ request: HTTPClientRequest, remaining: Duration) throws(HTTPClientError) {
        guard remaining > .zero else { throw .timedOut(.queue) }
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_QUICK_EXIT, 1)  // a timeout doesn't wait for a resolver thread that hangs
        try set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(request.connectTimeout))
        try set(CURLOPT_TIMEOUT_MS, Self.milliseconds(remaining))
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        try set(CURLOPT_USERAGENT, "holdfast")
        try set(CURLOPT_HTTPHEADER, try Self.headerLines(request))
    }

    /// The body and, with it, the method; `bytes` must outlive the transfer.
    func lendBody(_ bytes: UnsafeBufferPointer<UInt8>, method: String) throws(HTTPClientError) {
        let method = method.uppercased()
        guard Self.isToken(method) else { throw .invalidRequest("the method is no token") }
        if !bytes.isEmpty || ["POST", "PUT", "PATCH"].contains(method) {
            try set(CURLOPT_POST, 1)
            try check(shim_curl_setopt_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count)))
            // A null pointer would make libcurl ask for data instead of sending none.
            let data = bytes.baseAddress.map { UnsafeMutableRawPointer(mutating: $0) }
            try data == nil || bytes.isEmpty
                ? check(shim_curl_setopt_string(easy, CURLOPT_COPYPOSTFIELDS, ""))
                : check(shim_curl_setopt_pointer(easy, CURLOPT_POSTFIELDS, data))
        } else if method == "HEAD" {
            return try set(CURLOPT_NOBODY, 1)
        }
        try set(CURLOPT_CUSTOMREQUEST, method)
    }

    private static func headerLines(_ request: HTTPClientRequest) throws(HTTPClientError) -> [String] {
        let own = ["content-length", "transfer-encoding", "accept-encoding", "connection", "proxy-authorization"]
        var lines = ["Expect:"]  // no 100-continue
        if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) { lines.append("Content-Type:") }
        for header in request.headers {
            guard isToken(header.name), !own.contains(header.name.lowercased()) else {
                throw .invalidRequest("header \(header.name.prefix(64).debugDescription) can't be set")
            }
            let isValue = header.value.utf8.allSatisfy { $0 == 9 || ($0 >= 32 && $0 != 127) }
            guard isValue else { throw .invalidRequest("the value of header \(header.name) holds a control character") }
            // libcurl reads "Name:" as "leave this header out".
            let isEmpty = header.value.utf8.allSatisfy { $0 == 9 || $0 == 32 }
            lines.append(isEmpty ? "\(header.name);" : "\(header.name): \(header.value)")
        }
        return lines
    }

    /// Source: RFC 9110, 5.6.2.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    // MARK: Connection

    /// Protocols, trust, client certificate, route.
    func apply(_ connection: HTTPClientConnection, through proxy: HTTPClientProxy?) throws(HTTPClientError) {
        try set(CURLOPT_PROTOCOLS_STR, connection.allowsPlainHTTP ? "https,http" : "https")
        try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
        try set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try apply(connection.trust)
        try apply(connection.clientCertificate)
        try apply(proxy)
        try apply(unixSocket: connection.unixSocketPath, proxy)
        var entries: [String] = []
        for override in connection.addressOverrides {
            guard let entry = override.entry else { throw .invalidRequest("an address override is malformed") }
            entries.append(entry)
        }
        if !entries.isEmpty { try set(CURLOPT_RESOLVE, entries) }
    }

    /// libcurl was built with a folder of authorities, which it would trust beside a bundle of ours: so that is unset.
    private func apply(_ trust: HTTPClientTrust) throws(HTTPClientError) {
        switch trust {
        case .system: return
        case .file(let path):
            for option in [CURLOPT_CAINFO, CURLOPT_PROXY_CAINFO] { try set(option, path) }
        case .pem(let text):
            for option in [CURLOPT_CAINFO_BLOB, CURLOPT_PROXY_CAINFO_BLOB] {
                try check(shim_curl_setopt_blob(easy, option, text, text.count, CUnsignedInt(CURL_BLOB_COPY)))
            }
        }
        for option in [CURLOPT_CAPATH, CURLOPT_PROXY_CAPATH] { try set(option, nil) }
    }

    private func apply(_ certificate: HTTPClientCertificate?) throws(HTTPClientError) {
        switch certificate {
        case nil: return
        case .files(let certificate, let key):
            try set(CURLOPT_SSLCERT, certificate)
            try set(CURLOPT_SSLKEY, key)
        case .pem(let certificate, _):
            try check(
                shim_curl_setopt_blob(
                    easy, CURLOPT_SSLCERT_BLOB, certificate, certificate.count, CUnsignedInt(CURL_BLOB_COPY)))
        }
    }

    /// The private key of the client certificate; it must outlive the transfer.
    func lendKey(_ key: UnsafePointer<UInt8>, count: Int) throws(HTTPClientError) {
        try check(shim_curl_setopt_blob(easy, CURLOPT_SSLKEY_BLOB, key, count, CUnsignedInt(CURL_BLOB_NOCOPY)))
    }

    /// An empty proxy is no proxy, whatever the environment says.
    private func apply(_ proxy: HTTPClientProxy?) throws(HTTPClientError) {
        try set(CURLOPT_NOPROXY, "")
        guard let proxy else { return try set(CURLOPT_PROXY, "") }
        let schemes = ["http://", "https://", "socks5://", "socks5h://"]
        guard schemes.contains(where: proxy.url.lowercased().hasPrefix), !proxy.url.contains("@") else {
            throw .invalidRequest("the proxy's URL is malformed or holds credentials")
        }
        try set(CURLOPT_PROXY, proxy.url)
        try set(CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        if let user = proxy.user { try set(CURLOPT_PROXYUSERNAME, user) }
        guard let password = proxy.password else { return }
        let terminated = SecretBytes(count: password.bytes.count + 1) { buffer in
            password.bytes.withPointer { _ = buffer.update(fromContentsOf: UnsafeBufferPointer(start: $0, count: password.bytes.count)) }
        }
        try terminated.withPointer { pointer throws(HTTPClientError) in
            let text = UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self)
            try check(shim_curl_setopt_string(easy, CURLOPT_PROXYPASSWORD, text))
        }
    }

    private func apply(unixSocket path: String?, _ proxy: HTTPClientProxy?) throws(HTTPClientError) {
        guard let path else { return }
        guard proxy == nil else { throw .invalidRequest("a Unix socket is not reached through a proxy") }
        let capacity = MemoryLayout.size(ofValue: sockaddr_un().sun_path)
        guard (1..<capacity).contains(path.utf8.count) else {
            throw .invalidRequest("the path of a Unix socket has 1 to \(capacity - 1) bytes, this one has \(path.utf8.count)")
        }
        try set(CURLOPT_UNIX_SOCKET_PATH, path)
    }

    /// Where to, and who collects the response; both must outlive the transfer.
    func apply(_ url: HTTPClientURL, _ transfer: HTTPClientTransfer) throws(HTTPClientError) {
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        try check(shim_curl_setopt_url(easy, url.handle))
        try check(shim_curl_setopt_function(easy, CURLOPT_HEADERFUNCTION, HTTPClientTransfer.receiveHeader))
        try check(shim_curl_setopt_pointer(easy, CURLOPT_HEADERDATA, context))
        try check(shim_curl_setopt_function(easy, CURLOPT_WRITEFUNCTION, HTTPClientTransfer.receiveBody))
        try check(shim_curl_setopt_pointer(easy, CURLOPT_WRITEDATA, context))
        try check(shim_curl_setopt_open_socket(easy, HTTPClientTransfer.openSocket))
        try check(shim_curl_setopt_pointer(easy, CURLOPT_OPENSOCKETDATA, context))
    }

    // MARK: Options

    private func set(_ option: CURLoption, _ value: Int) throws(HTTPClientError) {
        try check(shim_curl_setopt_long(easy, option, value))
    }

    private func set(_ option: CURLoption, _ value: String?) throws(HTTPClientError) {
        guard value?.utf8.contains(0) != true else { throw .invalidRequest("a NUL where none can be") }
        try check(shim_curl_setopt_string(easy, option, value))
    }

    private func set(_ option: CURLoption, _ values: [String]) throws(HTTPClientError) {
        var list: UnsafeMutablePointer<curl_slist>?
        for value in values {
            guard let longer = curl_slist_append(list, value) else {
                curl_slist_free_all(list)
                throw .library(code: Int(CURLE_OUT_OF_MEMORY.rawValue), "out of memory")
            }
            list = longer
        }
        if let list { lists.append(list) }
        try check(shim_curl_setopt_list(easy, option, list))
    }

    private func check(_ code: CURLcode) throws(HTTPClientError) {
        guard code == CURLE_OK else { throw .library(code: Int(code.rawValue), String(cString: curl_easy_strerror(code))) }
    }

    /// At least 1 (libcurl reads 0 as "no limit"), at most a day's.
    static func milliseconds(_ duration: Duration) -> Int {
        let parts = min(duration, .seconds(86_400)).components
        return max(1, Int(parts.seconds) * 1000 + Int(parts.attoseconds / 1_000_000_000_000_000))
    }
}
