/// Requests to other services, over libcurl on a few threads of its own.
///
/// It follows no redirect, keeps no cookies, reads no `.netrc` and no proxy from the environment, decodes no body, speaks TLS 1.2
/// or newer and HTTP/2 where the server does, and limits time, size and the number of waiting requests.
package final class HTTPClient: Sendable {
    private let queue: HTTPClientQueue

    /// A client without connections; its threads start with the first requests.
    /// - Parameters:
    ///   - threads: how many requests may run at once.
    ///   - maximumWaiting: how many more may wait; the next one fails with `.overloaded`.
    package init(threads: Int = 4, maximumWaiting: Int = 64) {
        queue = HTTPClientQueue(maximumThreads: threads, maximumWaiting: maximumWaiting)
    }

    deinit { queue.close() }

    /// Sends a request and returns the response, whatever its status. Cancelling the task stops the transfer.
    /// - Throws: `HTTPClientError`; whether the server has acted on the request is then unknown, except for the errors that
    ///   say that nothing was sent.
    package func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        var request = request
        let start = ContinuousClock.now
        try await HTTPClientProxyCheck.check(request)
        request.totalTimeout -= ContinuousClock.now - start
        let job = HTTPClientJob(request)
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if job.attach(continuation) { queue.add(job) }
            }
        } onCancel: {
            job.cancel()
            queue.remove(job)
        }
        return try outcome.get()
    }

    /// Admits no more requests: those that wait and all later ones fail with `.cancelled`; running ones end as usual.
    package func close() { queue.close() }
}
