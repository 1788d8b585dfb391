import COpenSSL
import Glibc

/// What a process does at its start so that its memory stays its own.
package enum ProcessHardening {
    /// Turns core dumps off (`RLIMIT_CORE` 0) and makes the process undumpable (`PR_SET_DUMPABLE` 0), which also keeps other
    /// processes of the same user from attaching to it or reading `/proc/self/mem`.
    /// - Returns: false if the kernel refused either.
    @discardableResult package static func forbidDumps() -> Bool {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        let limited = shim_setrlimit_core(&none) == 0
        return shim_prctl_set_dumpable(0) == 0 && limited
    }

    /// Whether the kernel would write this process's memory to a core file.
    package static var isDumpable: Bool { shim_prctl_get_dumpable() != 0 }

    /// The bytes this process may lock (`RLIMIT_MEMLOCK`), nil if unlimited.
    package static var memoryLockLimitBytes: Int? {
        var limit = rlimit()
        guard shim_getrlimit_memlock(&limit) == 0 else { return 0 }
        return limit.rlim_cur == rlim_t.max ? nil : Int(clamping: limit.rlim_cur)
    }

    /// Raises the soft limits on locked memory and open files to the hard ones.
    /// - Returns: the number of files that may be open from now on.
    @discardableResult package static func raiseLimits() -> Int {
        var limit = rlimit()
        if shim_getrlimit_memlock(&limit) == 0 {
            limit.rlim_cur = limit.rlim_max
            _ = shim_setrlimit_memlock(&limit)
        }
        guard shim_getrlimit_nofile(&limit) == 0 else { return 0 }
        limit.rlim_cur = limit.rlim_max
        _ = shim_setrlimit_nofile(&limit)
        return shim_getrlimit_nofile(&limit) == 0 ? Int(clamping: limit.rlim_cur) : 0
    }

    /// Ends the process at once, after what was printed is out: no library tidies up under threads that still use it, as OpenSSL did under a thread of
    /// libcurl that was closing its connection. The memory goes with the process.
    package static func end(_ status: Int32) -> Never {
        fflush(nil)
        _exit(status)
    }

    /// Has OpenSSL keep the private numbers of RSA and EC keys on locked, guarded memory of its own (1 MiB), from now on; once for
    /// the process.
    /// - Returns: false if the kernel refused to lock or fence it, or if there is none and the keys are on the ordinary heap.
    @discardableResult package static func prepareOpenSSLSecureHeap() -> Bool { secureHeap }

    private static let secureHeap = CRYPTO_secure_malloc_init(1 << 20, 16) == 1
}
