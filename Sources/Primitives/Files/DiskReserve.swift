import Glibc

/// Space that large files must leave free: without it the journal stops, and with it everything.
package struct DiskReserve: Sendable {
    /// There isn't so much.
    package struct Shortage: Error, CustomStringConvertible {
        package let path: String, freeBytes: UInt64, reserve: UInt64
        package var description: String {
            "\(freeBytes >> 20) MiB are free at \(path): expected \(reserve >> 20) MiB to be left for the journal and the database; make room, then "
                + "try again"
        }
    }

    /// After so many bytes of a large file it is time to check again.
    package static let step = 16 << 20

    private let space: @Sendable (_ path: String) -> (free: UInt64, total: UInt64)?

    /// The reserve of real file systems, or of those that a test makes up.
    package init(space: @escaping @Sendable (_ path: String) -> (free: UInt64, total: UInt64)? = DiskReserve.measure) { self.space = space }

    /// Throws unless more than the reserve is free: 1 GiB or 5 % of the file system, whatever is more; of one below 20 GiB, 256 MiB or a tenth,
    /// whatever is less.
    package func check(_ path: String) throws(Shortage) {
        guard let (free, total) = space(path) else { return }  // what can't be measured fails when it is written
        let reserve = total < 20 << 30 ? min(256 << 20, total / 10) : max(1 << 30, total / 20)
        guard free > reserve else { throw Shortage(path: path, freeBytes: free, reserve: reserve) }
    }

    /// What the file system of a path says.
    package static func measure(_ path: String) -> (free: UInt64, total: UInt64)? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return (UInt64(status.f_bavail) * UInt64(status.f_frsize), UInt64(status.f_blocks) * UInt64(status.f_frsize))
    }
}
