// OpenSSL 3: one-line stand-ins for what Swift can't import (macros, variadic functions).
#pragma once
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// sys/prctl.h, sys/mman.h: used by Secrets/, which needs them beside OPENSSL_cleanse.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

// spawn.h: two functions that Swift's own import of the C library leaves out (they need _GNU_SOURCE); used by Processes/.
#include <signal.h>
#include <spawn.h>
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *, const char *);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
static inline int shim_spawn_chdir(posix_spawn_file_actions_t *actions, const char *path) { return posix_spawn_file_actions_addchdir_np(actions, path); }
static inline int shim_spawn_closefrom(posix_spawn_file_actions_t *actions, int from) { return posix_spawn_file_actions_addclosefrom_np(actions, from); }
// In C, because a whole-module build takes sigset_t for another C module's (curl's headers have it too), which this one doesn't import.
static inline int shim_spawn_resetsignals(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

// prctl is variadic.
static inline int shim_prctl_set_dumpable(unsigned long dumpable) { return prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0); }
static inline int shim_prctl_get_dumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0); }

// glibc's resource names are enumerators of a type that Swift can't name.
static inline int shim_getrlimit_memlock(struct rlimit *limit) { return getrlimit(RLIMIT_MEMLOCK, limit); }
static inline int shim_setrlimit_memlock(const struct rlimit *limit) { return setrlimit(RLIMIT_MEMLOCK, limit); }
static inline int shim_getrlimit_nofile(struct rlimit *limit) { return getrlimit(RLIMIT_NOFILE, limit); }
static inline int shim_setrlimit_nofile(const struct rlimit *limit) { return setrlimit(RLIMIT_NOFILE, limit); }
static inline int shim_setrlimit_core(const struct rlimit *limit) { return setrlimit(RLIMIT_CORE, limit); }

// BIO control macros.
static inline int shim_BIO_reset(BIO *bio) { return (int)BIO_reset(bio); }
static inline size_t shim_BIO_ctrl_pending(BIO *bio) { return BIO_ctrl_pending(bio); }
static inline long shim_BIO_get_mem_data(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }
static inline void shim_BIO_set_mem_eof_return(BIO *bio, int value) { (void)BIO_set_mem_eof_return(bio, value); }

// SSL_CTX and SSL control macros.
// The SSL_OP_… constants are shift macros. No renegotiation (RFC 5746 attacks), no compression (CRIME), our order of ciphers.
static inline void shim_SSL_CTX_set_server_options(SSL_CTX *ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
}
static inline int shim_SSL_CTX_set_min_proto_version(SSL_CTX *ctx, int v) { return (int)SSL_CTX_set_min_proto_version(ctx, v); }
static inline int shim_SSL_CTX_set_max_proto_version(SSL_CTX *ctx, int v) { return (int)SSL_CTX_set_max_proto_version(ctx, v); }
static inline long shim_SSL_CTX_set_mode(SSL_CTX *ctx, long mode) { return SSL_CTX_set_mode(ctx, mode); }
static inline long shim_SSL_CTX_set_session_cache_mode(SSL_CTX *ctx, long mode) { return SSL_CTX_set_session_cache_mode(ctx, mode); }
static inline int shim_SSL_CTX_set1_groups_list(SSL_CTX *ctx, const char *list) { return (int)SSL_CTX_set1_groups_list(ctx, list); }
static inline int shim_SSL_CTX_add1_chain_cert(SSL_CTX *ctx, X509 *cert) { return (int)SSL_CTX_add1_chain_cert(ctx, cert); }
static inline int shim_SSL_set_tlsext_host_name(SSL *ssl, const char *name) { return (int)SSL_set_tlsext_host_name(ssl, name); }
static inline int shim_SSL_set1_verify_cert_store(SSL *ssl, X509_STORE *store) { return (int)SSL_set1_verify_cert_store(ssl, store); }
static inline int shim_SSL_CTX_set1_verify_cert_store(SSL_CTX *ctx, X509_STORE *store) { return (int)SSL_CTX_set1_verify_cert_store(ctx, store); }
static inline int shim_SSL_CTX_set_tlsext_ticket_key_evp_cb(
    SSL_CTX *ctx, int (*cb)(SSL *, unsigned char *, unsigned char *, EVP_CIPHER_CTX *, EVP_MAC_CTX *, int)) {
    return (int)SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, cb);
}
static inline long shim_SSL_get_max_send_fragment_default(void) { return SSL3_RT_MAX_PLAIN_LENGTH; }

// EVP control macros.
static inline void *shim_EVP_CTRL_AEAD_pointer(const unsigned char *p) { return (void *)p; }

// OSSL_PARAM keeps the pointer to a parameter's name, which a Swift string doesn't have.
static inline int shim_EVP_MAC_CTX_set_hmac_sha256(EVP_MAC_CTX *ctx, const unsigned char *key, size_t count) {
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
                           OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key, count), OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(ctx, params);
}

// Casts and sk_ accessors that are macros.
static inline int shim_sk_GENERAL_NAME_num(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline GENERAL_NAME *shim_sk_GENERAL_NAME_value(const GENERAL_NAMES *names, int i) { return sk_GENERAL_NAME_value(names, i); }
static inline int shim_sk_X509_num(const STACK_OF(X509) *certs) { return sk_X509_num(certs); }
static inline X509 *shim_sk_X509_value(const STACK_OF(X509) *certs, int i) { return sk_X509_value(certs, i); }
static inline void shim_sk_X509_pop_free(STACK_OF(X509) *certs) { sk_X509_pop_free(certs, X509_free); }
static inline STACK_OF(X509_EXTENSION) *shim_sk_X509_EXTENSION_new_null(void) { return sk_X509_EXTENSION_new_null(); }
static inline int shim_sk_X509_EXTENSION_push(STACK_OF(X509_EXTENSION) *list, X509_EXTENSION *e) { return sk_X509_EXTENSION_push(list, e); }
static inline int shim_sk_X509_EXTENSION_num(const STACK_OF(X509_EXTENSION) *list) { return sk_X509_EXTENSION_num(list); }
static inline X509_EXTENSION *shim_sk_X509_EXTENSION_value(const STACK_OF(X509_EXTENSION) *list, int i) { return sk_X509_EXTENSION_value(list, i); }
static inline void shim_sk_X509_EXTENSION_free(STACK_OF(X509_EXTENSION) *list) { sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free); }

// Memory that OpenSSL allocated (macros with file and line), and flag sums that Swift can't read.
static inline void shim_OPENSSL_free(void *p) { OPENSSL_free(p); }
static inline void shim_OPENSSL_clear_free(void *p, size_t count) { OPENSSL_clear_free(p, count); }
static inline void *shim_OPENSSL_memdup(const void *p, size_t count) { return OPENSSL_memdup(p, count); }
static inline unsigned long shim_XN_FLAG_RFC2253(void) { return XN_FLAG_RFC2253; }
static inline int shim_EVP_PKEY_PUBLIC_KEY(void) { return EVP_PKEY_PUBLIC_KEY; }
