import Primitives

/// Something was done for good, and what should have followed failed: that the data plane has seen it, that its outcome is on record, that
/// its answer is kept for repetitions. Whoever catches it must not do it again.
struct Done: Error {
    /// What would have been answered.
    let answer: APIAnswer
    /// What failed; for the log.
    let cause: String
}
