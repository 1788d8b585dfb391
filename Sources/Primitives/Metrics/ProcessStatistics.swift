import Glibc

/// What the kernel knows of this process.
package struct ProcessStatistics: Sendable, Equatable {
    /// Seconds since 1970; nil if it can't be found out.
    package let startedAt: Double?
    /// Resident memory.
    package let residentBytes: Int?
    /// Open file descriptors.
    package let openDescriptors: Int?
    /// How many there may be.
    package let maximumDescriptors: Int?
    /// User and system time.
    package let cpuSeconds: Double

    /// The present values, from `/proc/self` (proc(5)), getrusage(2), getrlimit(2).
    package static var current: ProcessStatistics {
        let pages = fields(of: "/proc/self/statm").dropFirst().first.flatMap { Int($0) }
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return ProcessStatistics(
            startedAt: startTime, residentBytes: pages.map { $0 * sysconf(CInt(_SC_PAGESIZE)) },
            openDescriptors: (try? Directory.names(in: "/proc/self/fd")).map(\.count), maximumDescriptors: Int(exactly: limit.rlim_cur),
            cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime))
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    /// The 22nd field of `/proc/self/stat` counts ticks since the machine's start, which `/proc/stat` tells.
    private static let startTime: Double? = {
        // The second field is the name in parentheses, which may hold spaces.
        let status = text(of: "/proc/self/stat")
        guard let close = status.lastIndex(of: ")") else { return nil }
        let rest = status[close...].split(separator: " ")
        guard rest.count > 20, let ticks = Double(rest[20]) else { return nil }
        let boot = text(of: "/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }?.dropFirst(6)
        guard let boot, let start = Double(boot) else { return nil }
        return start + ticks / Double(sysconf(CInt(_SC_CLK_TCK)))
    }()

    private static func fields(of path: String) -> [Substring] { text(of: path).split(separator: " ") }

    private static func text(of path: String) -> String {
        let bytes = (try? FileReader(path))?.read64K ?? []
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension FileReader {
    fileprivate var read64K: [UInt8] { (try? read(at: 0, count: 1 << 16)) ?? [] }
}
