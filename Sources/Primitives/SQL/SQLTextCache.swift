import Synchronization

/// The statements that a database was already asked for, translated once.
///
/// It remembers the first `capacity` distinct texts: all there are, because a statement is a constant and values are arguments.
/// Should a text be composed at run time after all, it is translated and prepared anew each time, and memory stays bounded.
final class SQLTextCache: Sendable {
    private let texts = Mutex<[String: SQLText]>([:])
    private let dialect: SQLDialect
    private let capacity: Int

    init(dialect: SQLDialect, capacity: Int = 512) {
        self.dialect = dialect
        self.capacity = capacity
    }

    /// The number of remembered texts.
    var count: Int { texts.withLock { $0.count } }

    /// The translation, and whether the driver may keep the prepared statement.
    func translate(_ sql: String) throws(SQLError) -> (text: SQLText, isCached: Bool) {
        if let known = texts.withLock({ $0[sql] }) { return (known, true) }
        let text = try SQLText(sql, dialect: dialect)
        let isCached = texts.withLock { texts in
            guard texts.count < capacity || texts[sql] != nil else { return false }
            texts[sql] = text
            return true
        }
        return (text, isCached)
    }
}
