import KeyCore
import TestSupport

@testable import Primitives

/// The worked vector of the reference page on the Cache-Only Key Service, section 10: made and checked there with Python's `cryptography` and
/// `joserfc`. The certificate's key was thrown away for everybody but the page.
enum CalloutVector {
    static let nonce = "e5ab58fd2ced013f2a46d5c8144dd439"
    static let key = [UInt8](0x00...0x1F)

    /// Content key, seed and nonce as the page has them.
    static func randomness() -> CompactJWE.Randomness {
        CompactJWE.Randomness(
            contentKey: SecretBytes(copying: [UInt8](0x40...0x5F)), seed: SecretBytes(copying: [UInt8](0xA0...0xB3)), nonce: [UInt8](0x80...0x8B))
    }

    static func certificate() throws -> Certificate { try Certificate.chain(pem: OrgTestCertificate.pem)[0] }

    /// The answer to the callout with the nonce.
    static let body = #"{"kid":"982c375b-f46b-4423-8c2d-4d1a69152a0b","jwe":""# + jwe + #""}"#

    static let jwe = """
        eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00iLCJraWQiOiI5ODJjMzc1Yi1mNDZiLTQ0MjMtOGMyZC00ZDFhNjkxNTJhMGIiLCJqdGkiOiJlNWFiNThmZDJjZW\
        QwMTNmMmE0NmQ1YzgxNDRkZDQzOSJ9.DYY-1Fsd3hMIvyLXaZbMyBW0gEsXYHYhUcBK1CuV2OcL31hqdeLhAq9awOTz3JKDicC7Cnkj4vkBeoXkMuRI4cxn5JctA6IaDIr\
        G4yjmBm7mtkU_-3AJvPpQWoqFFKBVIZVODWgatAlv8Hp8q2zVSaobmpIlDIPUGRSJOEDOhrDa4UjWtkaR6RuBjnrYF64YNuWClIERZhKUKt_CZ_8nTPYvRSGjJlC7fkdp0\
        x6F5xlO5T_DOh3ZB-nu2Ya3I5pqbgfW_3n9_0vyJnZYEyIJcKC3Skal6ieK8X4blB7b7EhWskIQp0Yg-OA_DVmuXKarJFcgYRq8QQZuLgVaV85IEzKidjzvakaKzcV_QpQ\
        73mr_A9XKixsvY8W-CFAqpeq3zwZGDi9kh8ZaUcg01G4Re9x1ME05YrjTtIwVI2p7QXlQRXBVNacQVCzSUVBGKaeshkPdKfPnx1AFJE5xD4EurcUomItqS9LD4CFDLJ2vF\
        0nPWZ366W2STjuz8YFryqdX1m9y1Tkvbdnp0lHIQGXpfY_pGuKsN8sNVfnmDpr0XXBvqHBGayonAHwZTfgrDbodz_ZC1OVWJdSKxmi-pqQAMQKGQs2Ld8HogFoYpV80TPi\
        EBHqKMBkupGVAyzK1pOfQ4dQ0fQ9gVCbRQtBh_SeQK5coJoUvx-zlxD8jmxFf1nI.gIGCg4SFhoeIiYqL.LV-8xCZxLIRgY5ojfq-bLejt28FZcvAD5pdiz80If2M._fsy\
        bGuYChuDErxgrU2YNg
        """

    /// The one without replay detection.
    static let jweWithoutNonce = """
        eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00iLCJraWQiOiI5ODJjMzc1Yi1mNDZiLTQ0MjMtOGMyZC00ZDFhNjkxNTJhMGIifQ.DYY-1Fsd3hMIvyLXaZbMyBW\
        0gEsXYHYhUcBK1CuV2OcL31hqdeLhAq9awOTz3JKDicC7Cnkj4vkBeoXkMuRI4cxn5JctA6IaDIrG4yjmBm7mtkU_-3AJvPpQWoqFFKBVIZVODWgatAlv8Hp8q2zVSaobm\
        pIlDIPUGRSJOEDOhrDa4UjWtkaR6RuBjnrYF64YNuWClIERZhKUKt_CZ_8nTPYvRSGjJlC7fkdp0x6F5xlO5T_DOh3ZB-nu2Ya3I5pqbgfW_3n9_0vyJnZYEyIJcKC3Ska\
        l6ieK8X4blB7b7EhWskIQp0Yg-OA_DVmuXKarJFcgYRq8QQZuLgVaV85IEzKidjzvakaKzcV_QpQ73mr_A9XKixsvY8W-CFAqpeq3zwZGDi9kh8ZaUcg01G4Re9x1ME05Y\
        rjTtIwVI2p7QXlQRXBVNacQVCzSUVBGKaeshkPdKfPnx1AFJE5xD4EurcUomItqS9LD4CFDLJ2vF0nPWZ366W2STjuz8YFryqdX1m9y1Tkvbdnp0lHIQGXpfY_pGuKsN8s\
        NVfnmDpr0XXBvqHBGayonAHwZTfgrDbodz_ZC1OVWJdSKxmi-pqQAMQKGQs2Ld8HogFoYpV80TPiEBHqKMBkupGVAyzK1pOfQ4dQ0fQ9gVCbRQtBh_SeQK5coJoUvx-zlx\
        D8jmxFf1nI.gIGCg4SFhoeIiYqL.LV-8xCZxLIRgY5ojfq-bLejt28FZcvAD5pdiz80If2M.KIkUqnoPqxD8lCzsl7CSiA
        """
}
