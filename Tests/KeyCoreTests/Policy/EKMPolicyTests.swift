import KeyCore
import Primitives
import Testing

@Suite("Google EKM policy") struct EKMPolicyTests {
    typealias F = PolicyFixture

    @Test("EKM-20 client match is exact: prefix, suffix and sub-domain look-alikes fail", arguments: [
        "service-123456789012@gcp-sa-ekms.iam.gserviceaccount.com.example.com",
        "service-123456789012@gcp-sa-ekms.iam.gserviceaccount.co", "xservice-123456789012@gcp-sa-ekms.iam.gserviceaccount.com",
        "service-1234567890123@gcp-sa-ekms.iam.gserviceaccount.com", "service-12345678901@gcp-sa-ekms.iam.gserviceaccount.com",
        "service-123456789012@sub.gcp-sa-ekms.iam.gserviceaccount.com", "service-123456789012@evil-gcp-sa-ekms.iam.gserviceaccount.com",
        "service-123456789012@gcp-sa-ekms-iam.gserviceaccount.com", "service-123456789012@gcp-sa-ekms.iam.gserviceaccount.com ",
        " service-123456789012@gcp-sa-ekms.iam.gserviceaccount.com", "service-123456789012@gcp-sa-ekms.iam.gserviceaccount.com\0",
        "service-123456789012@gcp-sa-ekms.iam.gserviceaccount.com\n", "service-123456789012@gcp-sa-ekms.iam.gserviceaccount.com.",
        "service-123456789012@evil.com@gcp-sa-ekms.iam.gserviceaccount.com", "service-123456789012", "", "@",
        "@gcp-sa-ekms.iam.gserviceaccount.com", "gcp-sa-ekms.iam.gserviceaccount.com",
        "Service-123456789012@gcp-sa-ekms.iam.gserviceaccount.com", "service-123456789012@gcp-sa-e\u{212A}ms.iam.gserviceaccount.com",
        "service-123456789012@gcp-sa-ek\u{200B}ms.iam.gserviceaccount.com", "service-12345678901\u{FF12}@gcp-sa-ekms.iam.gserviceaccount.com",
    ])
    func lookalikes(name: String) throws {
        for policy in [
            try F.policy(F.allow()), try F.cckm(required: false),
            try F.policy(F.allow(principals: "[\"service-?????????012@gcp-sa-ekms.iam.gserviceaccount.com\"]")),
        ] {
            #expect(policy.cause(F.request(by: name)) == .principal)
            #expect(policy.cause(F.request(by: F.client)) == nil)
        }
    }

    @Test("EKM-25 with justification_required and one code, that code passes and the other eleven are refused by it")
    func oneCode() throws {
        for allowed in Justification.codes {
            let policy = try F.cckm(reasons: "[\"\(allowed.name)\"]")
            for code in Justification.codes {
                for operation in [KeyCore.Operation.wrap, .unwrap, .sign] {
                    #expect(policy.cause(F.request(operation, because: code)) == (code == allowed ? nil : .justification(code.name)))
                }
            }
        }
        #expect(Set(Justification.codes).count == 12)
    }

    @Test("EKM-26 missing and unknown reasons are refused unless they are listed; unspecified is a code of its own")
    func missingAndUnknown() throws {
        let none: [Justification] = [.missing, .unknown("WHY"), .reasonUnspecified]
        for reason in none {
            #expect(try F.cckm().cause(F.request(because: reason)) == .justification(reason.name))
            #expect(try F.cckm(required: false).cause(F.request(because: reason)) == nil)
        }
        for (listed, reason) in zip(["missing", "unknown", "REASON_UNSPECIFIED"], none) {
            let policy = try F.policy(F.allow(justifications: "[\(listed)]"))
            for other in none { #expect((policy.cause(F.request(because: other)) == nil) == (other == reason)) }
        }
        let words = try F.policy(F.allow(justifications: "[missing, unknown]"))
        #expect(words.cause(F.request(because: Justification(name: "missing"))) == nil, "a reason spelt “missing” is an unknown one")
        let missing = try F.policy(F.allow(justifications: "[missing]"))
        #expect(missing.cause(F.request(because: Justification(name: "missing"))) == .justification("missing"))
        #expect(Justification(name: "WHY\n\u{1}é" + String(repeating: "x", count: 100)) == .unknown("WHY" + String(repeating: "x", count: 61)))
    }

    @Test("EKM-27 a reason given as number is the code; any other number is unknown")
    func numbers() {
        #expect(Justification(number: 5) == .customerInitiatedAccess)
        for (number, code) in Justification.codes.enumerated() {
            #expect(Justification(number: number) == code)
            #expect(code.number == number)
            #expect(Justification(name: code.name) == code)
        }
        #expect(Justification(number: 12) == .unknown("12"))
        #expect(Justification(number: -1) == .unknown("-1"))
        #expect(Justification(name: "customer_initiated_access") == .unknown("customer_initiated_access"))
        #expect(Justification.codes.map(\.name) == [
            "REASON_UNSPECIFIED", "CUSTOMER_INITIATED_SUPPORT", "GOOGLE_INITIATED_SERVICE", "THIRD_PARTY_DATA_REQUEST",
            "GOOGLE_INITIATED_REVIEW", "CUSTOMER_INITIATED_ACCESS", "GOOGLE_INITIATED_SYSTEM_OPERATION", "REASON_NOT_EXPECTED",
            "MODIFIED_CUSTOMER_INITIATED_ACCESS", "MODIFIED_GOOGLE_INITIATED_SYSTEM_OPERATION",
            "GOOGLE_RESPONSE_TO_PRODUCTION_ALERT", "CUSTOMER_AUTHORIZED_WORKFLOW_SERVICING",
        ])
    }

    @Test("EKM-29 required justification without reasons, and no clients, are refused", arguments: [
        (#"{"basic":{"clients":["a@b.example"],"justification_required":true,"justification_reason":[]}}"#, "basic.justification_reason"),
        (#"{"basic":{"clients":["a@b.example"],"justification_required":true}}"#, "basic"),
        (#"{"basic":{"clients":["a@b.example"],"justification_required":true,"justification_reason":null}}"#, "basic.justification_reason"),
        (#"{"basic":{"clients":["a@b.example"],"justification_required":true,"justification_reason":"any"}}"#, "basic.justification_reason"),
        (#"{"basic":{"clients":[],"justification_required":false}}"#, "basic.clients"),
        (#"{"basic":{"clients":null}}"#, "basic.clients"), (#"{"basic":{}}"#, "basic"), (#"{"basic":null}"#, "basic"),
        (#"{"basic":{"clients":["*@b.example"]}}"#, "basic.clients[0]"), (#"{"basic":{"clients":["*"]}}"#, "basic.clients[0]"),
        (#"{"basic":{"clients":[""]}}"#, "basic.clients[0]"), (#"{"basic":{"clients":"a@b.example"}}"#, "basic.clients"),
        (#"{"basic":{"clients":["a@b.example"],"justification_required":"true"}}"#, "basic.justification_required"),
        (#"{"basic":{"clients":["a@b.example"],"justification_reason":["BECAUSE"]}}"#, "basic.justification_reason[0]"),
        (#"{"basic":{"clients":["a@b.example"],"other":1}}"#, "basic.other"), (#"{"basic":{"clients":["a@b.example"]},"x":1}"#, "x"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: allow, operations: any, justifications: any}", "rules[0]"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: allow, operations: any, principals: [], justifications: any}", "rules[0].principals"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: allow, operations: any, principals: [a@b.example], justifications: []}", "rules[0].justifications"),
    ])
    func incomplete(document: String, field: String) {
        let problems = AccessPolicy.problems(in: document, source: "p.json")
        #expect(problems.first?.field == field)
        #expect(AccessPolicy.error(in: document, source: "p.json") == problems.first)
    }

    @Test("EKM-30 a CCKM policy imports unchanged, and all ten CCKM reason names and codes 9 and 11 are accepted")
    func cckm() throws {
        let ten = [
            "REASON_UNSPECIFIED", "CUSTOMER_INITIATED_SUPPORT", "GOOGLE_INITIATED_SERVICE", "THIRD_PARTY_DATA_REQUEST",
            "GOOGLE_INITIATED_REVIEW", "CUSTOMER_INITIATED_ACCESS", "GOOGLE_INITIATED_SYSTEM_OPERATION", "REASON_NOT_EXPECTED",
            "MODIFIED_CUSTOMER_INITIATED_ACCESS", "GOOGLE_RESPONSE_TO_PRODUCTION_ALERT",
        ]
        let more = ["MODIFIED_GOOGLE_INITIATED_SYSTEM_OPERATION", "CUSTOMER_AUTHORIZED_WORKFLOW_SERVICING"]
        let list = (ten + more).map { "\"\($0)\"" }.joined(separator: ",")
        let policy = try F.cckm(
            reasons: "[\(list)]",
            more: #","attestation_zones":[],"attestation_project_ids":[],"attestation_instance_names":[]"#)
        for code in Justification.codes { #expect(policy.cause(F.request(because: code)) == nil) }
        #expect(policy.cause(F.request(because: .missing)) == .justification("missing"))
        #expect(policy.cause(F.request(.getPublicKey, because: .missing)) == nil)
        #expect(policy.cause(F.request(.destroyKey)) == .operation)
        #expect(policy.source.hasPrefix(#"{"basic":"#))
    }

    @Test("a CCKM policy's attestation lists bind requests that come with an attestation")
    func cckmAttestation() throws {
        let policy = try F.cckm(more: #","attestation_zones":["z"],"attestation_project_ids":["p"],"attestation_instance_names":["i"]"#)
        #expect(policy.cause(F.request()) == nil)
        #expect(policy.cause(F.request(attestation: .init(zone: "z", project: "p", instance: "i", confidential: true))) == nil)
        for facts in [
            AttestationFacts(zone: "y", project: "p", instance: "i", confidential: true),
            .init(zone: "z", project: "q", instance: "i", confidential: true), .init(zone: "z", project: "p", confidential: true),
        ] { #expect(policy.cause(F.request(attestation: facts)) == .attestation) }
    }

    @Test("a Rego policy is refused with a word about OPA")
    func rego() {
        let problems = AccessPolicy.problems(in: #"{"rego":"package x\ndefault allow = true"}"#, source: "p.json")
        #expect(problems.map(\.field) == ["rego"])
        #expect(problems[0].message.contains("OPA server") && problems[0].message.contains("not supported yet"))
    }
}
