"""Fetches a cache-only key several times and looks for its bytes, and for those of each answer's content key, in the server's memory.

Arguments: as of open_cache_only.py, then the server's process id. Prints a JSON object: how often the key is there (the server's own cached
copy is one), how often any content key, and any of them in pieces of 16 bytes.
"""
import base64
import json
import re
import ssl
import sys
import urllib.request

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

url, kid, user, password_file, key_file, authority, pid = sys.argv[1:]
with open(password_file) as file:
    credentials = base64.b64encode(f"{user}:{file.read().strip()}".encode()).decode()
with open(key_file, "rb") as file:
    private_key = serialization.load_pem_private_key(file.read(), None)
context = ssl.create_default_context(cafile=authority)
oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def fetch():
    request = urllib.request.Request(f"{url}/{kid}", headers={"Authorization": f"Basic {credentials}"})
    with urllib.request.urlopen(request, context=context, timeout=10) as answer:
        parts = json.load(answer)["jwe"].split(".")
    content_key = private_key.decrypt(decoded(parts[1]), oaep)
    key = AESGCM(content_key).decrypt(decoded(parts[2]), decoded(parts[3]) + decoded(parts[4]), parts[0].encode())
    return key, content_key


def regions():
    with open(f"/proc/{pid}/maps") as maps:
        lines = maps.readlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in lines:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
            if not found:
                continue
            start, end = (int(text, 16) for text in found.groups())
            try:
                memory.seek(start)
                yield memory.read(end - start)
            except (OSError, ValueError, OverflowError):
                continue  # [vvar], [vsyscall], guard pages


answers = [fetch() for _ in range(20)]
key = answers[0][0]
assert all(answer[0] == key for answer in answers)
counts = {"bytes": 0, "key": 0, "content_keys": 0, "content_key_halves": 0}
for region in regions():
    counts["bytes"] += len(region)
    counts["key"] += region.count(key)
    for _, content_key in answers:
        counts["content_keys"] += region.count(content_key)
        counts["content_key_halves"] += region.count(content_key[:16]) + region.count(content_key[16:])
print(json.dumps(counts))
