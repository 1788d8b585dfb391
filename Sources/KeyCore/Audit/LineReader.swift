import Primitives

/// Reads a file's lines from some offset on.
struct LineReader {
    /// A line without its line feed.
    struct Line {
        let bytes: [UInt8]
        /// From 1, counted from where reading began.
        let number: Int
        /// False for what stands after the last line feed (or for a line of more than 1 MiB).
        let isWhole: Bool
    }

    private static let chunk = 65_536
    private static let longest = 1 << 20
    private let file: FileReader
    private var buffer: [UInt8] = []
    private var used = 0
    private var number = 0
    /// Where the next line begins.
    private(set) var offset: UInt64

    init(_ file: FileReader, at offset: UInt64 = 0) { (self.file, self.offset) = (file, offset) }

    /// The next line; nil at the end. An unfinished line is not passed: the next call reads it again, with what was added since.
    mutating func next() throws(FileError) -> Line? {
        var searched = used
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) { return take(to: end) }
            searched = buffer.count
            let more = try file.read(at: offset + UInt64(buffer.count - used), count: LineReader.chunk)
            guard !more.isEmpty, buffer.count - used <= LineReader.longest else { break }
            searched -= used
            buffer.removeFirst(used)
            used = 0
            buffer += more
        }
        guard used < buffer.count else { return nil }
        return Line(bytes: Array(buffer[used...]), number: number + 1, isWhole: false)
    }

    private mutating func take(to end: Int) -> Line {
        let line = Array(buffer[used..<end])
        offset += UInt64(line.count + 1)
        used = end + 1
        number += 1
        return Line(bytes: line, number: number, isWhole: true)
    }
}

/// Reads a file's whole lines from the last to the first.
struct ReverseLineReader {
    private let file: FileReader
    private var buffer: [UInt8] = []
    private var start: UInt64
    /// The offset after the last line feed: what stands behind it is an unfinished line.
    let wholeEnd: UInt64

    /// Finds the last line feed before `size`.
    init(_ file: FileReader, size: UInt64) throws(FileError) {
        self.file = file
        start = size
        var end: UInt64 = 0
        while start > 0 {
            let step = min(65_536, start)
            start -= step
            let chunk = try file.read(at: start, count: Int(step))
            if let feed = chunk.lastIndex(of: 0x0A) {
                buffer = Array(chunk[...feed])
                end = start + UInt64(feed + 1)
                break
            }
        }
        wholeEnd = end
    }

    /// The line before, without its line feed; nil before the first.
    mutating func next() throws(FileError) -> [UInt8]? {
        while true {
            if let feed = buffer.dropLast().lastIndex(of: 0x0A) { return take(from: feed + 1) }
            guard start > 0 else { return buffer.isEmpty ? nil : take(from: 0) }
            let step = min(65_536, start)
            buffer = try file.read(at: start - step, count: Int(step)) + buffer
            start -= step
        }
    }

    private mutating func take(from index: Int) -> [UInt8] {
        let line = Array(buffer[index..<buffer.count - 1])
        buffer.removeSubrange(index...)
        return line
    }
}
