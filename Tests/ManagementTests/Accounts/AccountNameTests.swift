import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Account names") struct AccountNameTests {
    @Test("N35: one name in another case, width, composition or between spaces is the same name", arguments: [
        ("Alice", "alice"), ("ALICE", "alice"), ("  alice\t", "alice"), ("ａｌｉｃｅ", "alice"), ("Zoe\u{308}", "zoë"), ("STRASSE", "straße"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"), ("ﬁona", "fiona"),
    ])
    func same(typed: String, name: String) {
        #expect(AccountName(typed: typed) .canonical == AccountName(typed: name).canonical)
    }

    @Test("N35: a new name is refused that mixes scripts, looks like a Latin one, hides characters or is malformed", arguments: [
        "аlice", "асе", "al\u{200B}ice", "al\u{202E}ice", "αlice", "ΑΒΕ", "a--b", ".a", "a.", "a  b", "", "   ", "a/b", "a\0b", "a;b", "<a>", "a'b",
        "0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77", "аdmіn", "a１б", String(repeating: "a", count: 65), "a\u{301}b\u{435}", "ꓮꓲꓲ", "٣user",
    ])
    func refused(name: String) {
        #expect(throws: StoreError.self) { try AccountName(new: name) }
    }

    @Test("new names of one script are accepted", arguments: [
        "alice", "Alice B. Smith", "a.b_c-d@example.com", "zoë", "Ольга", "Δημήτρης", "佐藤さくら", "김철수", "user42", "محمد",
    ])
    func accepted(name: String) throws { _ = try AccountName(new: name) }

    @Test("N35: a name that looks like one that exists is refused as a new one", arguments: [("paypal", "paypa1"), ("admin", "adrnin"), ("bob0", "bobo")])
    func lookAlike(first: String, second: String) async throws {
        let fixture = try AccountFixture()
        try await fixture.add(first)
        let answer = try await fixture.api.call("POST", "/api/v1/users", body: ["name": .string(second)])
        #expect(answer.status == 409)
    }

    @Test("the seeds of the database are the program's system groups")
    func seeds() async throws {
        let store = try KeyDatabase()
        let rows = try await store.database.query("SELECT id, name, canonical, skeleton FROM user_groups ORDER BY id")
        #expect(rows.count == SystemGroup.allCases.count)
        for (row, group) in zip(rows, SystemGroup.allCases) {
            let name = AccountName(typed: group.rawValue)
            #expect(try row.text("id") == group.id.description && row.text("name") == group.rawValue)
            #expect(try row.text("canonical") == name.canonical && row.text("skeleton") == name.skeleton)
        }
    }
}
