import KeyCore
import Testing

@Suite("The life of a key version") struct KeyStateTests {
    /// NIST SP 800-57 part 1 revision 5, 7, figure 3; without the direct ways from active and suspended to destroyed, and with the way
    /// back from deactivated that `KeyState.mayBecome` documents.
    static let transitions: [KeyState: Set<KeyState>] = [
        .preActive: [.active, .compromised, .destroyed], .active: [.suspended, .deactivated, .compromised],
        .suspended: [.active, .deactivated, .compromised], .deactivated: [.active, .compromised, .destroyed],
        .compromised: [.destroyed], .destroyed: [],
    ]

    @Test("a state becomes those that the table has, and no other", arguments: KeyState.allCases, KeyState.allCases)
    func transition(from: KeyState, to: KeyState) throws {
        #expect(from.mayBecome(to) == (try #require(Self.transitions[from])).contains(to))
    }

    @Test("only an active version protects; active, deactivated and compromised ones process; destroyed has no way out")
    func permissions() {
        #expect(KeyState.allCases.filter(\.mayProtect) == [.active])
        #expect(KeyState.allCases.filter(\.mayProcess) == [.active, .deactivated, .compromised])
        #expect(KeyState.allCases.filter { KeyState.destroyed.mayBecome($0) } == [])
    }

    @Test("kinds of keys serve their purposes only")
    func purposes() {
        for algorithm in KeyAlgorithm.allCases {
            #expect(algorithm.serves(.wrap) == (algorithm == .aes256))
            #expect(algorithm.serves(.cacheOnly) == (algorithm == .aes256))
            #expect(algorithm.serves(.sign) == (algorithm != .aes256))
            #expect(algorithm.serves(.transport))
        }
    }
}
