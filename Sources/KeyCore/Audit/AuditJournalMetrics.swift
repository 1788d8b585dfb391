package import Primitives

/// What a journal's writer thread did since the start. Only that thread writes to it.
package final class AuditJournalMetrics: Sendable {
    /// Callers' records in one batch.
    package let batchRecords = MetricHistogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])
    /// One `fdatasync`, in nanoseconds.
    package let syncTime = MetricHistogram.latency()
    /// Batches that could not be made durable.
    package let failedBatches = MetricCounter()

    init() {}
}
