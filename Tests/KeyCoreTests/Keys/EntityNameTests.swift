import KeyCore
import Primitives
import Testing

@Suite("Names that people give") struct EntityNameTests {
    private func isAccepted(_ name: String) -> Bool { (try? EntityName.check(name)) != nil }

    @Test("ordinary names are accepted, in any script", arguments: [
        "a", "disk-key", "Disk key 2026", "ключ", "鍵", "Schlüssel “eins”", "a/b", "'; DROP TABLE keys; --", "<b>", "%s", "../x", "🔑",
        String(repeating: "x", count: 128), "0B6F7D1E-7D0A-4A57-9A0E-3F1F6F1C2A77",
    ])
    func accepted(name: String) { #expect(isAccepted(name)) }

    @Test("empty, too long, invisible, or reordering names are refused, and ids", arguments: [
        "", " ", " a", "a ", "\ta", "a\n", "\u{A0}a", "a\u{3000}", String(repeating: "x", count: 129), "a\0b", "a\nb", "a\tb", "a\u{7F}b", "a\u{1B}[2Jb",
        "a\u{85}b", "a\u{2028}b", "a\u{2029}b", "a\u{202E}b", "a\u{2066}b", "a\u{200B}b", "a\u{200D}b", "a\u{FEFF}b", "a\u{AD}b", "a\u{E000}b",
        "a\u{E0041}b", "a\u{FFFF}b", "a\u{378}b", "0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77",
    ])
    func refused(name: String) { #expect(!isAccepted(name), "\(name.debugDescription)") }

    @Test("an id has one spelling", arguments: [
        "0B6F7D1E-7D0A-4A57-9A0E-3F1F6F1C2A77", "0b6f7d1e7d0a4a579a0e3f1f6f1c2a77", "{0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77}",
        " 0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77", "0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a7", "0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a777",
        "0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a7g", "0b6f7d1e_7d0a_4a57_9a0e_3f1f6f1c2a77", "", "-b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a7-",
    ])
    func ids(text: String) { #expect(KeyID(text) == nil) }

    @Test("an id's text gives the id again; random ones are of version 4 and differ")
    func roundTrip() throws {
        let ids = try (0..<1000).map { _ in try KeyID.random() }
        #expect(Set(ids).count == 1000)
        for id in ids {
            #expect(KeyID(id.description) == id)
            #expect(id.bytes.array[6] >> 4 == 4 && id.bytes.array[8] >> 6 == 2)
        }
    }
}
