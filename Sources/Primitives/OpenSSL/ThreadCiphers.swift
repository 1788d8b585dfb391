import COpenSSL
import Glibc

/// A thread's own cipher contexts, scratch memory and stock of nonces: a seal allocates nothing but its result, and threads
/// share nothing. Freed when the thread ends.
///
/// Between uses the contexts hold no key: `wipe()` ends each use. `EVP_CIPHER_CTX_reset` does it because it cleanses all
/// there is (key schedule, GHASH table, left-over key stream) for about 90 ns; an init with an all-zero key took 150 ns,
/// and 260 ns with the extra block that overwrites the key stream (OpenSSL 3.0, AES-NI).
final class ThreadCiphers {
    /// AES-256 on single blocks, for the XAES key derivation.
    let block: CipherContext
    /// AES-256-GCM.
    let gcm: CipherContext
    /// `scratchBytes` of locked memory for derived keys.
    let scratch: UnsafeMutablePointer<UInt8>
    /// Random nonces.
    let nonces = NonceStock()

    static let scratchBytes = 80

    private init() throws(OpenSSLError) {
        block = try CipherContext()
        gcm = try CipherContext()
        scratch = SecretMemory.allocate(ThreadCiphers.scratchBytes).assumingMemoryBound(to: UInt8.self)
    }

    deinit { SecretMemory.release(scratch, count: ThreadCiphers.scratchBytes) }

    /// The calling thread's. Use it in one synchronous stretch and end with `wipe()`.
    static func current() throws(OpenSSLError) -> ThreadCiphers {
        guard let slot else { throw OpenSSLError(operation: "pthread_key_create", codes: []) }
        if let held = pthread_getspecific(slot) { return Unmanaged<ThreadCiphers>.fromOpaque(held).takeUnretainedValue() }
        let made = try ThreadCiphers()
        let owned = Unmanaged.passRetained(made)
        guard pthread_setspecific(slot, owned.toOpaque()) == 0 else {
            owned.release()
            throw OpenSSLError(operation: "pthread_setspecific", codes: [])
        }
        return made
    }

    /// Leaves no key and no key stream behind.
    func wipe() {
        EVP_CIPHER_CTX_reset(block.handle)
        EVP_CIPHER_CTX_reset(gcm.handle)
        OPENSSL_cleanse(scratch, ThreadCiphers.scratchBytes)
    }

    /// Whether a context still has an algorithm, and with it a key schedule.
    var hasKey: Bool { EVP_CIPHER_CTX_get0_cipher(block.handle) != nil || EVP_CIPHER_CTX_get0_cipher(gcm.handle) != nil }

    private static let slot: pthread_key_t? = {
        var slot = pthread_key_t()
        let result = pthread_key_create(&slot) { held in
            if let held { Unmanaged<ThreadCiphers>.fromOpaque(held).release() }
        }
        return result == 0 ? slot : nil
    }()
}
