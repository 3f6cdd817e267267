/* What the examples with OpenSSL share: its failures, and a certificate for as long as they run. */
#ifndef TLS_EXAMPLE_H
#define TLS_EXAMPLE_H

#include "example.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* As check, for OpenSSL's results, of which those below 1 are failures. */
static inline void check_tls(const char *what, int result) {
  if (result < 1) {
    fprintf(stderr, "%s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
  }
}

/* A key, and a certificate for it that vouches for itself for an hour. Both ends have them here,
 * and nobody else. */
static inline SSL_CTX *new_context(void) {
  SSL_CTX *context = SSL_CTX_new(TLS_method());
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  check_tls("memory and a key", context != NULL && key != NULL && certificate != NULL);
  X509_NAME *name = X509_get_subject_name(certificate);
  const uint8_t *host = (const uint8_t *)"localhost";
  check_tls("a name", X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0));
  check_tls("an issuer", X509_set_issuer_name(certificate, name));
  check_tls("a beginning", X509_gmtime_adj(X509_getm_notBefore(certificate), -60) != NULL);
  check_tls("an end", X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) != NULL);
  check_tls("a public key", X509_set_pubkey(certificate, key));
  check_tls("a signature", X509_sign(certificate, key, EVP_sha256()));
  check_tls("the server's certificate", SSL_CTX_use_certificate(context, certificate));
  check_tls("the server's key", SSL_CTX_use_PrivateKey(context, key));
  X509_STORE *trusted = SSL_CTX_get_cert_store(context);
  check_tls("the client's trust", X509_STORE_add_cert(trusted, certificate));
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

#endif
