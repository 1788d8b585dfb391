import Foundation
import Glibc
import Testing

@testable import Primitives

/// What concerns a whole process is tried in a process of its own: this test bundle again, running one of the tests below.
@Suite("Secrets in a process of their own") struct SecretProcessTests {
    private static let variable = "HOLDFAST_TEST_SECRET_PROCESS"
    private static let isChild = ProcessInfo.processInfo.environment[variable] != nil

    private func child(_ name: String, after wrapper: [String] = []) async throws {
        var command = try Command.thisBundle(filter: "SecretProcessTests/\(name)", after: wrapper)
        command.environment[Self.variable] = "1"
        let result = try await command.run()
        #expect(result.status == 0, "\(result)")
        #expect(result.description.contains("Test run with 1 test "), "\(result)")
    }

    @Test("where the kernel locks little memory, secrets work all the same and the status tells", .enabled(if: !isChild))
    func smallLimit() async throws {
        let canLockAnyway = try SystemFile.text("/proc/self/status").split(separator: "\n")
            .first { $0.hasPrefix("CapEff:") }.flatMap { UInt64($0.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) }
            .map { $0 >> 14 & 1 == 1 } ?? false  // CAP_IPC_LOCK
        let withoutCapability = canLockAnyway ? ["setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock"] : []
        try await child("underASmallLimit", after: ["prlimit", "--memlock=131072:131072"] + withoutCapability)
    }

    @Test("under a small limit", .enabled(if: isChild))
    func underASmallLimit() {
        #expect(ProcessHardening.memoryLockLimitBytes == 131_072)
        let first = SecretBytes(copying: [1, 2, 3] as [UInt8])
        let before = SecretMemory.status
        #expect(before.lockedBytes > 0 && before.lockedBytes <= 131_072)
        var large: [SharedSecret] = []
        for n in UInt8(0)..<8 { large.append(SharedSecret(SecretBytes(copying: [UInt8](repeating: n, count: 300_000)))) }
        let chunk = (300_000 + 4095) / 4096 * 4096
        #expect(SecretMemory.status.unlockedBytes == before.unlockedBytes + 8 * chunk)
        #expect(SecretMemory.status.lockedBytes == before.lockedBytes)
        #expect(SecretMemory.status.liveSlots == before.liveSlots + 8)
        for (n, secret) in large.enumerated() { #expect(secret.bytes.exposedCopy().allSatisfy { $0 == UInt8(n) }) }
        large = []
        #expect(SecretMemory.status == before, "what was never locked is not taken off what is")
        #expect(first.exposedCopy() == [1, 2, 3])
    }

    @Test("the status counts what is locked and what is in use", .enabled(if: !isChild))
    func counts() async throws { try await child("countsAlone") }

    @Test("counts, alone", .enabled(if: isChild))
    func countsAlone() throws {
        let start = SecretMemory.status
        var secrets: [SharedSecret] = []
        for _ in 0..<2048 { secrets.append(SharedSecret(SecretBytes(copying: [1] as [UInt8]))) }
        let full = SecretMemory.status
        #expect(full.liveSlots == start.liveSlots + 2048)
        #expect(full.lockedBytes + full.unlockedBytes <= start.lockedBytes + start.unlockedBytes + 65_536, "2048 small keys fit into 64 KiB")
        secrets.append(SharedSecret(SecretBytes(copying: [UInt8](repeating: 1, count: 1 << 20))))
        #expect(SecretMemory.status.lockedBytes + SecretMemory.status.unlockedBytes == full.lockedBytes + full.unlockedBytes + (1 << 20))
        secrets = []
        let end = SecretMemory.status
        #expect(end.liveSlots == start.liveSlots)
        #expect(end.lockedBytes + end.unlockedBytes == full.lockedBytes + full.unlockedBytes, "small slots stay, the large one goes back")
    }

    @Test("dumps are forbidden, limits raised, OpenSSL's own heap locked", .enabled(if: !isChild))
    func hardening() async throws {
        try await child("hardeningAlone", after: ["prlimit", "--nofile=100:500", "--memlock=4194304:8388608", "--core=1000000"])
    }

    @Test("hardening, alone", .enabled(if: isChild))
    func hardeningAlone() throws {
        #expect(ProcessHardening.isDumpable)
        #expect(ProcessHardening.forbidDumps())
        #expect(!ProcessHardening.isDumpable)
        let limits = try SystemFile.text("/proc/self/limits").split(separator: "\n")
        let core = try #require(limits.first { $0.hasPrefix("Max core file size") }).split(separator: " ")
        #expect(core[4...5] == ["0", "0"])
        #expect(ProcessHardening.memoryLockLimitBytes == 4_194_304)
        #expect(ProcessHardening.raiseLimits() == 500)
        #expect(ProcessHardening.memoryLockLimitBytes == 8_388_608)
        #expect(ProcessHardening.prepareOpenSSLSecureHeap())
        #expect(ProcessHardening.prepareOpenSSLSecureHeap(), "a second call tells the same")
    }
}
