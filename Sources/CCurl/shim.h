// libcurl: curl_easy_setopt and curl_easy_getinfo are variadic macros, which Swift can't call.
#pragma once
#include <curl/curl.h>
#include <signal.h>

// sigset_t is claimed by several C modules at once, so that Swift can't make one.
static inline void shim_block_sigpipe(void) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGPIPE); pthread_sigmask(SIG_BLOCK, &set, NULL); }

static inline CURLcode shim_curl_setopt_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode shim_curl_setopt_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode shim_curl_setopt_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode shim_curl_setopt_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode shim_curl_setopt_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}
typedef size_t (*shim_curl_data_function)(char *data, size_t size, size_t count, void *context);
static inline CURLcode shim_curl_setopt_function(CURL *handle, CURLoption option, shim_curl_data_function value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode shim_curl_getinfo_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode shim_curl_setopt_open_socket(CURL *handle, curl_opensocket_callback value) {
    return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, value);
}
static inline CURLcode shim_curl_setopt_blob(CURL *handle, CURLoption option, const void *data, size_t count, unsigned int flags) {
    struct curl_blob blob = {(void *)data, count, flags};
    return curl_easy_setopt(handle, option, &blob);
}
static inline CURLcode shim_curl_setopt_url(CURL *handle, CURLU *value) {
    return curl_easy_setopt(handle, CURLOPT_CURLU, value);
}
static inline CURLcode shim_curl_getinfo_offset(CURL *handle, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode shim_curl_message_result(const CURLMsg *message) { return message->data.result; }
static inline const void *shim_curl_sockaddr(const struct curl_sockaddr *address) { return &address->addr; }
