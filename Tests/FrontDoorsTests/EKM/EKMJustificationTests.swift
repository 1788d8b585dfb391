import FrontDoors
import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("Google EKM justifications") struct EKMJustificationTests {
    private func fixture(_ policy: String) async throws -> EKMFixture {
        var options = EKMFixture.Options()
        options.policy = policy
        return try await EKMFixture(options)
    }

    @Test("EKM-25 with CUSTOMER_INITIATED_ACCESS required, the other eleven give 403 with a detail that names the reason's path")
    func twelve() async throws {
        let ekm = try await fixture(EKMFixture.basicPolicy(required: true, ["CUSTOMER_INITIATED_ACCESS"]))
        let blob = try #require(try await ekm.wrap(more: reason(#""CUSTOMER_INITIATED_ACCESS""#)).bytes("wrappedBlob"))
        for code in Justification.codes {
            for (message, reply) in [
                ("WrapRequest", try await ekm.wrap(more: reason("\"\(code.name)\""))), ("UnwrapRequest", try await ekm.unwrap(blob, more: reason("\"\(code.name)\""))),
            ] {
                guard code != .customerInitiatedAccess else {
                    #expect(reply.status == 200)
                    continue
                }
                #expect(reply.status == 403 && reply.code == 7)
                #expect(reply.message == "Access reason '\(code.name)' is not allowed by the key policy")
                #expect(reply.fields == ["google.cloud.ekms.v0.\(message).additionalContext.accessReasonContext.reason", code.name])
            }
        }
    }

    @Test("EKM-26 no context is “missing”, a context without reason is unspecified, an unknown text is “unknown”, and raw in the audit")
    func pseudoCodes() async throws {
        let bodies = [
            ("missing", ""), ("missing", #","additionalContext":{}"#), ("missing", #","additionalContext":null"#), ("missing", #","additionalContext":{"accessReasonContext":null}"#),
            ("REASON_UNSPECIFIED", #","additionalContext":{"accessReasonContext":{}}"#), ("REASON_UNSPECIFIED", reason("null")), ("REASON_UNSPECIFIED", reason("0")),
            ("unknown", reason(#""BECAUSE\n\u0001""#)), ("unknown", reason("12")), ("unknown", reason("-1")), ("unknown", reason(#""""#)), ("unknown", reason(#""missing""#)),
            ("unknown", reason(#""customer_initiated_access""#)),
        ]
        for allowed in ["missing", "unknown", "REASON_UNSPECIFIED"] {
            let ekm = try await fixture("version: 1\nname: p\nrules:\n  - {name: a, effect: allow, operations: [wrap], principals: [\"\(EKMTestToken.client)\"], justifications: [\(allowed)]}")
            for (kind, more) in bodies { #expect(try await ekm.wrap(more: more).status == (kind == allowed ? 200 : 403), "\(more) by \(allowed)") }
            #expect(ekm.audit.records.map(\.justification) == [
                "missing", "missing", "missing", "missing", "REASON_UNSPECIFIED", "REASON_UNSPECIFIED", "REASON_UNSPECIFIED", "BECAUSE", "12", "-1", "", "missing",
                "customer_initiated_access",
            ])
        }
    }

    @Test("EKM-27 a reason given by number is the code of that number")
    func numbers() async throws {
        for code in Justification.codes {
            let ekm = try await fixture(EKMFixture.basicPolicy(required: true, [code.name]))
            for other in Justification.codes {
                #expect(try await ekm.wrap(more: reason("\(other.number ?? -1)")).status == (other == code ? 200 : 403))
            }
        }
    }

    @Test("EKM-28 a reason at top level counts if there is no additionalContext, and only then")
    func topLevel() async throws {
        let ekm = try await fixture(EKMFixture.basicPolicy(required: true, ["CUSTOMER_INITIATED_ACCESS"]))
        for (more, status) in [
            (#","accessReasonContext":{"reason":5}"#, 200), (#","access_reason_context":{"reason":"CUSTOMER_INITIATED_ACCESS"}"#, 200),
            (#","accessReasonContext":{"reason":5},"additionalContext":null"#, 200), (#","accessReasonContext":{"reason":3}"#, 403),
            (#","accessReasonContext":{"reason":5},"additionalContext":{}"#, 403), (#","accessReasonContext":{"reason":5},"additionalContext":{"accessReasonContext":{"reason":3}}"#, 403),
            (#","additionalContext":{"accessReasonContext":{"reason":5}},"accessReasonContext":{"reason":3}"#, 200), (#","reason":5"#, 403),
        ] { #expect(try await ekm.wrap(more: more).status == status, "\(more)") }
    }

    @Test("EKM-29 a policy with justification_required and no reason, or without clients, can't be saved", arguments: [
        EKMFixture.basicPolicy(required: true, []), #"{"basic":{"clients":[],"justification_required":false}}"#, #"{"basic":{"justification_required":false}}"#,
    ])
    func incomplete(document: String) throws {
        #expect(throws: DocumentError.self) { try AccessPolicy(parsing: document, source: "p.json") }
    }

    @Test("EKM-30 an imported CCKM policy decides for its ten reasons as CCKM does")
    func cckm() async throws {
        let ten = Justification.codes.filter { $0 != .modifiedGoogleInitiatedSystemOperation && $0 != .customerAuthorizedWorkflowServicing }
        let ekm = try await fixture(EKMFixture.basicPolicy(required: true, ten.map(\.name)))
        for code in Justification.codes { #expect(try await ekm.wrap(more: reason("\"\(code.name)\"")).status == (ten.contains(code) ? 200 : 403)) }
        let open = try await fixture(EKMFixture.basicPolicy(required: false, []))
        #expect(try await open.wrap().status == 200)
    }

    @Test("a deny rule's obligations are on record with its refusal")
    func obligations() async throws {
        let ekm = try await fixture("""
            version: 1
            name: p
            rules:
              - {name: no, effect: deny, operations: any, justifications: [THIRD_PARTY_DATA_REQUEST], obligations: [notify]}
              - {name: yes, effect: allow, operations: any, principals: ["\(EKMTestToken.client)"], justifications: any}
            """)
        #expect(try await ekm.wrap(more: reason("3")).status == 403)
        #expect(ekm.audit.records.last?.obligations == ["notify"] && ekm.audit.records.last?.cause == "policy-denied")
        #expect(try await ekm.wrap(more: reason("5")).status == 200)
        #expect(ekm.audit.records.last?.obligations == [])
    }
}
