import CCurl

/// The connections of one thread, apart for each set of connection options.
struct HTTPClientSessions {
    private static let maximum = 8
    private var sessions: [HTTPClientSession] = []  // the last used at the end

    /// Runs a job to its end.
    mutating func perform(_ job: HTTPClientJob) -> HTTPClientJob.Outcome {
        guard let session = session(for: job.request.connection) else {
            return .failure(.library(code: Int(CURLE_FAILED_INIT.rawValue), "libcurl can't be initialised"))
        }
        return session.perform(job)
    }

    private mutating func session(for connection: HTTPClientConnection) -> HTTPClientSession? {
        if let index = sessions.lastIndex(where: { $0.connection == connection }) {
            let session = sessions.remove(at: index)
            sessions.append(session)
            return session
        }
        guard let session = HTTPClientSession(connection) else { return nil }
        if sessions.count == Self.maximum { sessions.removeFirst() }
        sessions.append(session)
        return session
    }
}

/// One easy handle in one multi handle, which owns the connections; used by one thread.
///
/// The multi interface is there for `curl_multi_wakeup`: a cancelled task doesn't wait for libcurl's next tick.
final class HTTPClientSession {
    let connection: HTTPClientConnection
    private let easy: UnsafeMutableRawPointer
    private let multi: UnsafeMutableRawPointer

    private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init?(_ connection: HTTPClientConnection) {
        guard Self.isLibraryReady, let easy = curl_easy_init() else { return nil }
        guard let multi = curl_multi_init() else {
            curl_easy_cleanup(easy)
            return nil
        }
        self.connection = connection
        self.easy = easy
        self.multi = multi
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_multi_cleanup(multi)
    }

    /// Runs the job's request to its end.
    func perform(_ job: HTTPClientJob) -> HTTPClientJob.Outcome {
        do throws(HTTPClientError) {
            let url = try HTTPClientURL(job.request.url, allowingPlainHTTP: connection.allowsPlainHTTP)
            let proxy = connection.proxy.flatMap { $0.applies(to: url.host) ? $0 : nil }
            let transfer = HTTPClientTransfer(
                maximumBodyBytes: job.request.maxResponseBytes,
                addressRule: proxy == nil && connection.unixSocketPath == nil ? connection.addressRule : nil,
                sink: job.request.sink)
            let setup = HTTPClientSetup(easy: easy)
            return .success(
                try withExtendedLifetime((url, transfer, setup)) { () throws(HTTPClientError) in
                    defer { curl_easy_reset(easy) }  // before `setup` frees its lists; also drops credentials
                    try setup.apply(job.request, remaining: job.deadline - .now)
                    try setup.apply(connection, through: proxy)
                    try setup.apply(url, transfer)
                    return try withKeyAndBody(job.request, setup) { () throws(HTTPClientError) in
                        try response(of: job, transfer)
                    }
                })
        } catch {
            return .failure(error)
        }
    }

    /// libcurl copies neither the body nor a client key in memory: they are lent for the transfer.
    private func withKeyAndBody<R>(
        _ request: HTTPClientRequest, _ setup: HTTPClientSetup, _ body: () throws(HTTPClientError) -> R
    ) throws(HTTPClientError) -> R {
        try request.body.withUnsafeBufferPointer { bytes throws(HTTPClientError) in
            try setup.lendBody(bytes, method: request.method)
            guard case .pem(_, let key) = connection.clientCertificate else { return try body() }
            return try key.bytes.withPointer { pointer throws(HTTPClientError) in
                try setup.lendKey(pointer, count: key.bytes.count)
                return try body()
            }
        }
    }

    private func response(of job: HTTPClientJob, _ transfer: HTTPClientTransfer) throws(HTTPClientError) -> HTTPClientResponse {
        var text = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
        let code = text.withUnsafeMutableBufferPointer { buffer in
            _ = shim_curl_setopt_pointer(easy, CURLOPT_ERRORBUFFER, buffer.baseAddress)
            defer { _ = shim_curl_setopt_pointer(easy, CURLOPT_ERRORBUFFER, nil) }
            return run(job)
        }
        if let refusal = transfer.refusal { throw refusal }
        if job.isCancelled { throw .cancelled }
        guard code == CURLE_OK else {
            throw HTTPClientError(
                code, text: String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
                isConnected: transfer.hasBegun || microseconds(CURLINFO_PRETRANSFER_TIME_T) > 0,
                refusedAddress: transfer.refusedAddress)
        }
        var status = 0
        _ = shim_curl_getinfo_long(easy, CURLINFO_RESPONSE_CODE, &status)
        return HTTPClientResponse(status: status, headers: transfer.headers, body: transfer.body, timing: timing())
    }

    /// Drives the transfer to its end, or until the job is cancelled.
    private func run(_ job: HTTPClientJob) -> CURLcode {
        guard curl_multi_add_handle(multi, easy) == CURLM_OK else { return CURLE_FAILED_INIT }
        job.setRunning(on: multi)
        defer {
            job.setRunning(on: nil)
            curl_multi_remove_handle(multi, easy)
        }
        var running: CInt = 1
        while !job.isCancelled {
            guard curl_multi_perform(multi, &running) == CURLM_OK else { return CURLE_FAILED_INIT }
            var left: CInt = 0
            while let message = curl_multi_info_read(multi, &left) {
                if message.pointee.msg == CURLMSG_DONE { return shim_curl_message_result(message) }
            }
            guard curl_multi_poll(multi, nil, 0, 1000, nil) == CURLM_OK else { return CURLE_FAILED_INIT }
        }
        return CURLE_ABORTED_BY_CALLBACK
    }

    private func timing() -> HTTPClientTiming {
        var connections = 0
        _ = shim_curl_getinfo_long(easy, CURLINFO_NUM_CONNECTS, &connections)
        return HTTPClientTiming(
            resolved: .microseconds(microseconds(CURLINFO_NAMELOOKUP_TIME_T)),
            connected: .microseconds(microseconds(CURLINFO_CONNECT_TIME_T)),
            secured: .microseconds(microseconds(CURLINFO_APPCONNECT_TIME_T)),
            firstByte: .microseconds(microseconds(CURLINFO_STARTTRANSFER_TIME_T)),
            total: .microseconds(microseconds(CURLINFO_TOTAL_TIME_T)), reusedConnection: connections == 0)
    }

    private func microseconds(_ info: CURLINFO) -> Int {
        var value: curl_off_t = 0
        _ = shim_curl_getinfo_offset(easy, info, &value)
        return Int(value)
    }
}

extension HTTPClientError {
    /// libcurl's failure in our words.
    init(_ code: CURLcode, text: String, isConnected: Bool, refusedAddress: HTTPClientAddress?) {
        let text = text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
        self =
            switch code {
            case CURLE_OPERATION_TIMEDOUT: .timedOut(isConnected ? .transfer : .connect)
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .resolve(text)
            case CURLE_COULDNT_CONNECT: refusedAddress.map { .addressRefused($0) } ?? .connect(text)
            case CURLE_PROXY: .connect(text)
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE,
                CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
                .tls(text)
            // With TLS 1.3 a server refuses the client's certificate after the handshake.
            case CURLE_RECV_ERROR where text.contains("SSL_read"), CURLE_SEND_ERROR where text.contains("SSL_write"): .tls(text)
            case CURLE_UNSUPPORTED_PROTOCOL: .protocolRefused("this protocol")
            case CURLE_URL_MALFORMAT: .invalidURL
            case CURLE_RECV_ERROR where text.contains("CONNECT"): .connect(text)
            default: .library(code: Int(code.rawValue), text)
            }
    }
}
