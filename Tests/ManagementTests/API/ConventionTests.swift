import KeyCore
import Management
import Primitives
import Testing

@Suite("The management API") struct ConventionTests {
    @Test("makes a thing, gives it back, and has told the data plane before it answers")
    func roundTrip() async throws {
        let fixture = try APIFixture()
        let made = try await fixture.call("POST", "/api/v1/keys", body: ["name": "orders"])
        #expect(made.status == 201)
        #expect(fixture.published == 1)
        let location = try #require(made.headers["location"])
        let read = try await fixture.call("GET", location)
        #expect(read.status == 200)
        #expect(read.json == made.json)
    }
}
