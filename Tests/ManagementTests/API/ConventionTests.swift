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

    @Test("promises to do nothing twice only where it can tell requests apart: no route that takes bytes is a creation")
    func creations() throws {
        for route in try APIFixture().api.routes where route.isCreation {
            if case .bytes = route.body { Issue.record("\(route.operation): the key of a repetition would count for other bytes, too") }
        }
    }
}
