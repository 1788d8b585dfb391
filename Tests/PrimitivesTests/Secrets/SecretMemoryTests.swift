import Foundation
import Testing

@testable import Primitives

/// Serialised: some tests look at memory after its release, and use sizes that no other suite uses.
@Suite("Secret memory", .serialized) struct SecretMemoryTests {
    @Test("is zeroised on release: the pool keeps the page, so that it can be looked at", arguments: [20_000, 40_000])
    func zeroised(count: Int) throws {
        let place = { () -> UInt in
            let secret = SecretBytes(copying: [UInt8](repeating: 0xA5, count: count))
            #expect(bytes(at: address(secret), count).allSatisfy { $0 == 0xA5 })
            return address(secret)
        }()
        #expect(bytes(at: place, count).allSatisfy { $0 == 0 })
    }

    @Test("is zeroised too when filling it throws")
    func zeroisedAfterThrow() {
        struct Refused: Error { let place: UInt }
        do {
            _ = try SecretBytes(count: 20_000) { buffer throws(Refused) in
                buffer.update(repeating: 0xA5)
                throw Refused(place: UInt(bitPattern: buffer.baseAddress))
            }
        } catch {
            #expect(bytes(at: error.place, 20_000).allSatisfy { $0 == 0 })
        }
    }

    @Test("is zeroised with the last reference to a shared secret")
    func shared() {
        var first: SharedSecret? = SharedSecret(SecretBytes(copying: [UInt8](repeating: 0xA5, count: 20_000)))
        var second = first
        let place = address(first!.bytes)
        first = nil
        #expect(second != nil && bytes(at: place, 20_000).allSatisfy { $0 == 0xA5 })
        second = nil
        #expect(bytes(at: place, 20_000).allSatisfy { $0 == 0 })
    }

    @Test("is locked, not dumped, not inherited, between pages that nobody can touch", arguments: [1, 32, 33, 4096, 20_000, 131_072, 131_073, 1 << 20])
    func guarded(count: Int) throws {
        let secret = SecretBytes(copying: [UInt8](repeating: 1, count: count))
        let maps = try MemoryMap.read()
        let index = try #require(maps.firstIndex { $0.range.contains(address(secret)) })
        let map = maps[index]
        #expect(map.range.upperBound >= address(secret) + UInt(count))
        #expect(map.permissions == "rw-p")
        for flag in ["dd", "dc"] { #expect(map.flags.contains(flag), "\(flag) in \(map.flags)") }
        #expect(map.flags.contains("lo") || SecretMemory.status.unlockedBytes > 0)
        for neighbour in [maps[index - 1], maps[index + 1]] { #expect(neighbour.permissions == "---p") }
        #expect(maps[index - 1].range.upperBound == map.range.lowerBound)
        #expect(maps[index + 1].range.lowerBound == map.range.upperBound)
        _ = consume secret
    }

    @Test("reading past the end of the pages ends the process")
    func fence() async {
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            let secret = SecretBytes(copying: [UInt8](repeating: 1, count: 200_704))  // 49 pages
            let byte = secret.withPointer { ($0 + 200_704).pointee }
            precondition(byte < 255 || byte == 255)
        }
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            let secret = SecretBytes(copying: [UInt8](repeating: 1, count: 200_704))
            let byte = secret.withPointer { ($0 - 1).pointee }
            precondition(byte < 255 || byte == 255)
        }
    }

    @Test("slots of one size are neighbours, of powers of two, and don't overlap", arguments: [
        (0, 32), (1, 32), (32, 32), (33, 64), (64, 64), (65, 128), (4096, 4096), (4097, 8192), (65_536, 65_536), (65_537, 131_072),
    ])
    func sizeClasses(count: Int, slot: UInt) {
        let first = SecretBytes(copying: [UInt8](repeating: 1, count: count)), second = SecretBytes(copying: [UInt8](repeating: 2, count: count))
        let (a, b) = (address(first), address(second))
        #expect(a % min(slot, 4096) == 0)
        #expect(b % min(slot, 4096) == 0)
        #expect(max(a, b) - min(a, b) >= slot)
        #expect(first.exposedCopy().allSatisfy { $0 == 1 })
        #expect(second.exposedCopy().allSatisfy { $0 == 2 })
    }

    @Test("a slot above the largest size gets pages of its own, which go back to the kernel")
    func largeSlots() throws {
        let count = SecretMemory.largestSlot + 1
        let place = { () -> UInt in
            let secret = SecretBytes(copying: [UInt8](repeating: 7, count: count))
            #expect(secret.exposedCopy().allSatisfy { $0 == 7 })
            #expect((try? MemoryMap.read())?.contains { $0.range.contains(address(secret)) && $0.permissions == "rw-p" } == true)
            return address(secret)
        }()
        let isStillThere = try MemoryMap.read().contains { $0.range.contains(place) && $0.permissions == "rw-p" && $0.flags.contains("lo") }
        #expect(!isStillThere)
    }

    @Test("many tasks take, fill, check and release at once, and none sees another's bytes")
    func concurrency() async {
        let strays = await withTaskGroup(of: Int.self) { group in
            for task in UInt8(1)...16 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(task))
                    var strays = 0
                    for _ in 0..<300 {
                        let count = [1, 32, 48, 500, 5000, 140_000].randomElement(using: &random)!
                        let secret = SecretBytes(count: count) { buffer in
                            strays += buffer.count { $0 != 0 }
                            buffer.update(repeating: task)
                        }
                        await Task.yield()
                        strays += secret.withSpan { span in (0..<span.count).reduce(0) { span[$1] == task ? $0 : $0 + 1 } }
                    }
                    return strays
                }
            }
            return await group.reduce(0, +)
        }
        #expect(strays == 0)
    }

    private func bytes(at place: UInt, _ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: place), count: count)
    }
}

/// Files of the kernel, whose size is 0 until they are read.
enum SystemFile {
    static func text(_ path: String) throws -> String {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        return String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
    }
}

/// One mapping of `/proc/self/smaps`.
struct MemoryMap {
    let range: Range<UInt>
    let permissions: String
    var flags: [String] = []

    static func read() throws -> [MemoryMap] {
        var maps: [MemoryMap] = []
        for line in try SystemFile.text("/proc/self/smaps").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words[0] == "VmFlags:" {
                maps[maps.count - 1].flags = words.dropFirst().map(String.init)
            } else if !words[0].hasSuffix(":") {
                let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
                maps.append(MemoryMap(range: ends[0]..<ends[1], permissions: String(words[1])))
            }
        }
        return maps
    }
}
