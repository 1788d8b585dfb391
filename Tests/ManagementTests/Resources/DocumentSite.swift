@testable import Management
import Primitives
import Synchronization

/// Documents at addresses, as other people's servers would give them; where there is none, nobody listens.
final class DocumentSite: Sendable {
    private let documents = Mutex<[String: (status: Int, body: [UInt8])]>([:])

    /// Serves this there from now on; nil: nobody listens.
    func serve(_ url: String, _ document: JSONValue?) { documents.withLock { $0[url] = document.map { (200, $0.json) } } }

    /// Answers with a status and nothing else.
    func answer(_ url: String, status: Int) { documents.withLock { $0[url] = (status, []) } }

    func fetch(_ url: String) throws -> FetchedDocument {
        guard let (status, body) = documents.withLock({ $0[url] }) else { throw HTTPClientError.connect("connection refused") }
        let timing = HTTPClientTiming(
            resolved: .zero, connected: .zero, secured: .zero, firstByte: .zero, total: .zero, reusedConnection: false)
        return FetchedDocument(status: status, contentType: "application/json", body: body, timing: timing)
    }
}
