import CCurl
import Glibc

/// What libcurl's callbacks collect and decide during one transfer; used on the transfer's thread only.
final class HTTPClientTransfer {
    private static let maximumHeaderBytes = 64 << 10

    private let maximumBodyBytes: Int
    private let addressRule: HTTPClientAddressRule?
    private let sink: ((([UInt8]) -> Bool))?
    private var isSuccess = false
    private var headerBytes = 0
    private var headersAreComplete = false
    private(set) var headers: [HTTPClientHeader] = []
    private(set) var body: [UInt8] = []
    /// Why a callback stopped the transfer.
    private(set) var refusal: HTTPClientError?
    /// The last address that the rule refused; the transfer may still have found another.
    private(set) var refusedAddress: HTTPClientAddress?

    /// - Parameter addressRule: nil if the connection goes to a proxy.
    init(maximumBodyBytes: Int, addressRule: HTTPClientAddressRule?, sink: (([UInt8]) -> Bool)? = nil) {
        self.sink = sink
        self.maximumBodyBytes = maximumBodyBytes
        self.addressRule = addressRule
    }

    /// Whether anything of a response has arrived.
    var hasBegun: Bool { headerBytes > 0 }

    // MARK: Callbacks

    static let receiveHeader: shim_curl_data_function = { data, size, count, context in
        receive(data, size * count, context) { transfer, bytes in transfer.receiveHeader(bytes) }
    }

    static let receiveBody: shim_curl_data_function = { data, size, count, context in
        receive(data, size * count, context) { transfer, bytes in transfer.receiveBody(bytes) }
    }

    static let openSocket: curl_opensocket_callback = { context, _, address in
        guard let context, let address else { return -1 }
        let transfer = Unmanaged<HTTPClientTransfer>.fromOpaque(context).takeUnretainedValue()
        let wanted = address.pointee
        guard transfer.allows(family: wanted.family, shim_curl_sockaddr(address)) else { return -1 }
        return socket(wanted.family, wanted.socktype | CInt(SOCK_CLOEXEC.rawValue), wanted.protocol)
    }

    /// Hands `count` bytes to `consume`; any number but `count` tells libcurl to stop.
    private static func receive(
        _ data: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
        _ consume: (HTTPClientTransfer, UnsafeRawBufferPointer) -> HTTPClientError?
    ) -> Int {
        guard let context else { return count + 1 }
        let transfer = Unmanaged<HTTPClientTransfer>.fromOpaque(context).takeUnretainedValue()
        transfer.refusal = consume(transfer, UnsafeRawBufferPointer(start: data, count: count))
        return transfer.refusal == nil ? count : count + 1
    }

    private func allows(family: CInt, _ socketAddress: UnsafeRawPointer?) -> Bool {
        guard let addressRule else { return true }
        guard let socketAddress, let address = HTTPClientAddress(family: family, socketAddress: socketAddress) else { return false }
        if addressRule.allows(address) { return true }
        refusedAddress = address
        return false
    }

    // MARK: Response

    private func receiveBody(_ bytes: UnsafeRawBufferPointer) -> HTTPClientError? {
        if let sink, isSuccess { return sink(Array(bytes)) ? nil : .cancelled }
        guard body.count + bytes.count <= maximumBodyBytes else { return .tooLarge(limit: maximumBodyBytes) }
        body += bytes
        return nil
    }

    /// One line: a status line (of an interim response too), a field, the empty line at the end, or a trailer.
    private func receiveHeader(_ bytes: UnsafeRawBufferPointer) -> HTTPClientError? {
        headerBytes += bytes.count
        guard headerBytes <= Self.maximumHeaderBytes else { return .tooLarge(limit: Self.maximumHeaderBytes) }
        let line = bytes.trimming { $0 == 13 || $0 == 10 }
        if line.starts(with: "HTTP/".utf8) {
            headers = []
            headersAreComplete = false
            isSuccess = line.split(separator: 32).dropFirst().first?.first == UInt8(ascii: "2")
        } else if headersAreComplete {
            return nil
        } else if line.isEmpty {
            headersAreComplete = true
            return Self.refusedEncoding(headers).map { .encodingRefused($0) }
        } else if line.first == 32 || line.first == 9 {
            return .library(code: Int(CURLE_WEIRD_SERVER_REPLY.rawValue), "a header field is folded (RFC 9112, 5.2)")
        } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            let value = line[(colon + 1)...].trimming { $0 == 32 || $0 == 9 }
            headers.append(HTTPClientHeader(name, String(decoding: value, as: UTF8.self)))
        }
        return nil
    }

    /// The encoding that was not asked for: libcurl is told to decode none, so the bytes would be of no use, or a bomb.
    private static func refusedEncoding(_ headers: [HTTPClientHeader]) -> String? {
        let allowed = ["content-encoding": ["identity"], "transfer-encoding": ["identity", "chunked"]]
        for header in headers {
            guard let allowed = allowed[header.name] else { continue }
            for value in header.value.lowercased().split(separator: ",") {
                let value = value.trimming { $0 == " " }
                if !allowed.contains(String(value)) { return String(value.prefix(32)) }
            }
        }
        return nil
    }
}

extension BidirectionalCollection {
    /// Without the elements at both ends that `isPadding` finds.
    fileprivate func trimming(_ isPadding: (Element) -> Bool) -> SubSequence {
        guard let first = firstIndex(where: { !isPadding($0) }), let last = lastIndex(where: { !isPadding($0) }) else {
            return self[endIndex...]
        }
        return self[first...last]
    }
}
