"""Fetches a cache-only key as Salesforce does and opens it with joserfc, an implementation of JWE of another make.

Arguments: the named credential's URL, the kid, user, a file with the password, the org certificate's private key, the authority of TLS.
Prints a JSON object: the nonce that was sent, the protected header, how long the key is, its SHA-256.
"""
import base64
import hashlib
import json
import secrets
import ssl
import sys
import urllib.request

from joserfc import jwe
from joserfc.jwk import RSAKey

url, kid, user, password_file, key_file, authority = sys.argv[1:]
nonce = secrets.token_hex(16)
with open(password_file) as file:
    password = file.read().strip()
request = urllib.request.Request(
    f"{url}/{kid}?requestId={nonce}",
    headers={
        "Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(),
        "User-Agent": "SFDC-Callout/62.0",
        "Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
    },
)
with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=authority), timeout=10) as answer:
    assert answer.status == 200, answer.status
    body = json.load(answer)
assert sorted(body) == ["jwe", "kid"], sorted(body)
assert body["kid"] == kid, body["kid"]
# joserfc refuses a header member that no RFC registers, such as jti, unless it is told not to.
registry = jwe.JWERegistry(strict_check_header=False, algorithms=["RSA-OAEP", "A256GCM"])
with open(key_file) as file:
    found = jwe.decrypt_compact(body["jwe"], RSAKey.import_key(file.read()), registry=registry)
print(json.dumps({
    "nonce": nonce,
    "header": dict(sorted(found.headers().items())),
    "bytes": len(found.plaintext),
    "sha256": hashlib.sha256(found.plaintext).hexdigest(),
}))
