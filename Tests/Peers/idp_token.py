"""Gets an ID token from an OpenID provider for tests (oidc_provider.py) in the way a browser does: authorization code, then token.

Arguments: issuer, the file of the authority to trust, client id, subject. Prints the token.
"""
import base64
import json
import secrets
import ssl
import sys
import urllib.parse
import urllib.request

issuer, authority, client, subject = sys.argv[1:5]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


opener = urllib.request.build_opener(NoRedirect, urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority)))
configuration = json.load(opener.open(issuer + "/.well-known/openid-configuration"))
callback = "https://client-side-encryption.google.com/oidc/cse/callback"
query = urllib.parse.urlencode({
    "response_type": "code", "client_id": client, "redirect_uri": callback, "scope": "openid email", "state": "s",
    "nonce": secrets.token_urlsafe(16) + ":https://client-side-encryption.google.com",
})
try:
    opener.open(configuration["authorization_endpoint"] + "?" + query, urllib.parse.urlencode({"sub": subject}).encode())
    sys.exit("the provider did not send the browser back")
except urllib.error.HTTPError as answer:
    location = answer.headers.get("Location") or sys.exit(f"the provider answered {answer.code}: {answer.read().decode()[:500]}")
code = urllib.parse.parse_qs(urllib.parse.urlparse(location).query)["code"][0]
request = urllib.request.Request(configuration["token_endpoint"], urllib.parse.urlencode({
    "grant_type": "authorization_code", "code": code, "redirect_uri": callback, "client_id": client, "client_secret": "secret",
}).encode())
request.add_header("Authorization", "Basic " + base64.b64encode(f"{client}:secret".encode()).decode())
print(json.load(opener.open(request))["id_token"])
