import TestSupport
import Testing

@testable import Primitives

@Suite("RSAES-PKCS1-v1_5 with implicit rejection") struct RSAPKCS1Tests {
    /// Ciphertexts for `RSATestKey` with the length and SHA-256 of what OpenSSL 4.0.0 makes of them (through pyca/cryptography 48).
    static let vectors: [(name: String, ciphertext: String, count: Int, sha256: String)] = [
        ("a good one", "tJMouPbF/zE9QV7OKxNBxhfWrypMbYK8lLZxAXfuYYxeD6QFHyhh/aRbQ4TcwdHJq1jT2JbFc4SyCeKmqtlWTXFPdbX2wrxnrsvkRKC5Ip+II+JSgIewwn/MDCmHBWy9TNZKy8A0Tj49PU6n/enY9VlCqpUsRDqpTTaUFsP2Btc1DvkvO9XCaf2Q0Yz4wnw09L2uD0nkWwKDZxM4B9M8q6i+A3VJ6vvD0XOT9Y1cY/7kwQGGoXMJJRsBX9ICLLESSQq3Qnu0m+Z7MeeMijzODwDz3AzcEoLlmaUhv/i6bQgUhfM+Nz0YHH3AjeXTc2jNZYtHdoZ3un+LCZAtgY34Ig==", 32, "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd"),
        ("its last bit flipped", "tJMouPbF/zE9QV7OKxNBxhfWrypMbYK8lLZxAXfuYYxeD6QFHyhh/aRbQ4TcwdHJq1jT2JbFc4SyCeKmqtlWTXFPdbX2wrxnrsvkRKC5Ip+II+JSgIewwn/MDCmHBWy9TNZKy8A0Tj49PU6n/enY9VlCqpUsRDqpTTaUFsP2Btc1DvkvO9XCaf2Q0Yz4wnw09L2uD0nkWwKDZxM4B9M8q6i+A3VJ6vvD0XOT9Y1cY/7kwQGGoXMJJRsBX9ICLLESSQq3Qnu0m+Z7MeeMijzODwDz3AzcEoLlmaUhv/i6bQgUhfM+Nz0YHH3AjeXTc2jNZYtHdoZ3un+LCZAtgY34Iw==", 64, "15cbd5e08be586ebad2630973e20584a80fdbd1da57663d05503c04e7d39f5bc"),
        ("bytes 01", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==", 19, "a4510a78d7740b2b595ae3715d9c4b08855285aec869c93ee536f3727f081d3a"),
        ("block type 1", "aPqJMjG+xR0Psgn5TS3+5QcpGWeVj3nC6hlX7za66WVtt9C6SCr7Y0XHRLt8WPVIBOxcJ2I+UvDRXnDHklW6B1TN1YWTmm5qY/8AhyJzjH9OFe7ogxoSYHQ0IczuX9Z4wG2sfBbg8jwSYDorHZhaLNmqoqcdQHD/i1ubmPy8RJYnY7YJB9mvxnauFPJfYi+JyAVOLH0GG/LWEF8ddbX7eCr7yzQSQh3ScfcHyVkOLCA/ZzGqtkP9vThuCOZQG4hAmYcx6uDNfUSVZ92nJBFOQ+Gn1a4/aludzU2IYlWIcr5N1ttdBGrJoeVLIPFzgpTNZG9NTKUkUDUks/4BTfshEg==", 228, "bd16529189816a07565382d492cab275661e2a5350033ca09d7e7af34e9594c9"),
        ("no separator", "rd6oqUEYFoIDQPHrr7S/DLDUeL0EzCx91tELofSfyXgOk9UNUpRhyjkhLNhh3nE/CdUQGghsbc/mloNcxwpHzNmj6Jpy3QwYl4YOAsVfexIeK3cuv0/L0+tx5+qRyivraxsDlxYiuYCKJ6BUS53LyMj3uAuFY9RWqOg1UvuEmuV0FJWZZUHK9CadoZdFVflHOqLmUembqaxGrmVXmRfEFpNeycU8oEMM1y5uiOITVbfoxuUJVDgXxMMOGirr54Bsa986wUp2HrmMtd+ioSxhqulA+WrB64qDqWQOwn5lG0qgHD/74pBqfTeS7hS5xrIXdfKNOyk6OOOCz1roRdU7hg==", 165, "fb965c9e0f285e973d50cfc50c03683dfbb1d5d1f1bd7ade454035f102fb8542"),
        ("seven bytes of padding", "lDYOBnZ9AiJSkGdiIsHhA9ZrDcA5JWcTEtrhttNttkUKjGXyhlg0h9ox/2Qhb0O14Lg75mKhQTmwID/GpR/54Zzei9H02lJPp/83BYuKfQs8zt+EMIgrj65gt/334WRm6WX75yjZM4oJ3h2CfvZGwosr6wkDZvMVK9/uS+2kwi17oBOGJSv+0ukQFlxhGoN/vc/aPrXUR9LaWBZ/LZEefxiL+HGpY6Z4HJz3+h0va/PCymd+ca0arMRMVankWaPrnGA+uIm1fgxO+V0cFEaPc0wnB0lSkd3jXo0FvkMr8/soPJxwSzMYeky36hF20lv6sE+ID0/qzIfx8Fj5+txJYg==", 223, "30cb6140deb1cfda33c409135d29e6b72324d72a041f12abfa92f97801fa7e65"),
        ("eight bytes of padding, which is enough", "mEsynNZ46Yofe9YJvNHpsrXiYp6mv+yIZOVBemOtNCHDKrw1pJ2TDgIhk/OFGZH9VK1+ATIgEjZMSTr1pq+Kj3BkQCPRBHIDRfqu8uEiXwsAe+MIpYozrwzNEqiqHS121XNLt6Eg/1EhVXY8SoaJI+X+NUYdidmLUE3oGeMf0F6tRSbQ93J2r8dHbl+Lk4LlmHA/JT7gpVxncwoY+zoc65vvow9B8YmdDPgK3p0QHDh/ccOYvjxGcP8aJUPcWTZPmWtG3oq59vu7mQNpjrvQwAIeAArnVj4fbFjSwZ47XhniEwfKx0H7VsZcbr+uxnQi6NueOqQAAmOZiBFLrHnMLA==", 245, "15aa061620acd45d880fabf2619bc8a126b8b6d4366db861bd797a56025da04a"),
        ("an empty message", "P7m6KIbTgyn4xJP7pv5TV/iWk+1+Rhm/ACmRH/uj/viyJh36q2LWRSuNtYwhcGj2tgEbygTLaAWnXZjcDAacRxEkOfyql7RcmPMAs8D6X/g69Gv9Xs/ciMMaYDHfZLnkWli4ENdCHlEs9t0iGOZwxsjjF1FrRJIuaJrJI6/fD1nMiuxP41VWkRm/sN4kSV2JCPnklRq8abZXQPwbX/6tVGoyGNc4reGxNPYW83oxNsUkRyrGGiLmSu2Z5ytGagI3V/qoBbWHpinIxY97BxmyYVm988cf684hv90waGQmAea2yddqA+em+lOKNVuLfuJXwq1YBztQizqFhpO0dIrKyg==", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("a first byte of 1", "QR8+GzsLLdtuPW9JMA0qE+RaNg2ObWBzIkt6Fp+zQkcg8JNTtG5UzFRgpuuv2Ca4FNoTQX0sQ1U9hNGPT9VY/BupiKBcjwxa9gREhxgUIeW1Pg1/lQ7B072UZ1gTSBTGmom/iXNm2w8cYadSSrDHytDOBkWOGoAE+0DE5TrT69NBixNvGCuu7ok8IMt0kO/xLbcdVnoWj2ApIOvSe6TEJAwBT7n/ouVKohqd4e58LL+9BqXkg9hjrjmbt/JXNpVYxQCBPbd7EFaofVsHf2kdLVpEd3DLUbI7QcAwWnJRiGMzpJcGgILDEVr0WwOynjbLVdVmxg0U+YePwLAJIMdzIQ==", 76, "042fee84f4e5856478e33c2a86e9c1296c963d6f8dea7537c610e2674c3b3a81"),
        ("the number 2", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAg==", 26, "64d00f0a3c9e65c156491b309a18d600b298cc5af966c0a237fa5d6d708fb54c"),
        ("the number 5", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABQ==", 235, "6de9a077134d02e40e78a57105395c9114652e6a4600fb8b2c9dcf8012104b86"),
    ]

    static let key = Result { try PrivateKey(pkcs8PEM: SecretBytes(copying: RSATestKey.pem.utf8), validation: .ownExport) }

    @Test("N32 every ciphertext decrypts, good or not, to what OpenSSL makes of it", arguments: vectors)
    func sameAsOpenSSL(name: String, ciphertext: String, count: Int, sha256: String) throws {
        let bytes = try Base64.decodeLenient(ArraySlice(ciphertext.utf8))
        let plaintext = try Self.key.get().decryptPKCS1(bytes).exposedCopy()
        #expect(plaintext.count == count)
        #expect(Hex.string(Digest.sha256(plaintext)) == sha256)
    }

    @Test("N32 what is made up depends on the ciphertext and the key only")
    func deterministic() throws {
        let other = try PrivateKey.generate(.rsa(bits: 2048))
        let (one, two) = ([UInt8](repeating: 1, count: 256), [UInt8](repeating: 2, count: 256))
        let first = try Self.key.get().decryptPKCS1(one).exposedCopy()
        #expect(try Self.key.get().decryptPKCS1(one).exposedCopy() == first)
        #expect(try Self.key.get().decryptPKCS1(two).exposedCopy() != first)
        #expect(try other.decryptPKCS1(one).exposedCopy() != first)
    }

    @Test("refuses what everybody sees to be no ciphertext of this key: another length, a number above the modulus")
    func refuses() throws {
        for bytes in [[], [UInt8](repeating: 1, count: 255), [UInt8](repeating: 1, count: 257), [UInt8](repeating: 0xFF, count: 256)] {
            #expect(throws: KeyUseError.undecryptable) { _ = try Self.key.get().decryptPKCS1(bytes).count }
        }
    }
}
