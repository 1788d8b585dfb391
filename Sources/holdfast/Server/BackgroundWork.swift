import Logging
import Primitives

/// Runs what must be done again and again, counts how it ended, and tells the log when it fails or works again.
struct BackgroundWork: Sendable {
    private let runs = MetricCounterFamily(labels: ["job", "outcome"])
    private let logger: Logger

    init(registry: MetricRegistry, logger: Logger) {
        self.logger = logger
        registry.add("holdfast_background_runs_total", "Runs of background jobs by outcome", runs)
    }

    /// Runs `body` every so often until its task is cancelled.
    func run(_ job: String, every interval: Duration, _ body: @Sendable () async throws -> Void) async {
        var isFailing = false
        while !Task.isCancelled {
            do {
                try await body()
                runs.add(job, "done")
                if isFailing { logger.notice("background job works again", metadata: ["job": "\(job)"]) }
                isFailing = false
            } catch {
                runs.add(job, "failed")
                if !isFailing { logger.error("background job failed; it will be tried again", metadata: ["job": "\(job)", "error": "\(error)"]) }
                isFailing = true
            }
            try? await Task.sleep(for: interval)
        }
    }
}
