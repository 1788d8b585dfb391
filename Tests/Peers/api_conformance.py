"""Lets Schemathesis try every operation of a running server's OpenAPI document, after openapi-spec-validator has read it.

Arguments: the management URL, the file of the authority to trust, a user's name, the file with its one-time password, seconds to spend,
examples for each operation. Signs in, changes the password, and works with an API token that has all of the user's permissions.
Ends with 0 if no answer was a 5xx, undeclared, or unlike its schema. One operation is left out: activateCertificate would have the server show
a certificate that this client doesn't trust.
"""
import json
import os
import ssl
import subprocess
import sys
import tempfile
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


class Server:
    def __init__(self, url, authority):
        self.url, self.context, self.token = url, ssl.create_default_context(cafile=authority), None

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, context=self.context) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def sign_in(self, user, password):
        self.token = self.call("POST", "/api/v1/sessions", {"user": user, "password": password})["token"]


def main():
    url, authority, user, file, seconds, examples = sys.argv[1:7]
    with open(file) as password:
        first, second = password.read().strip(), "quiet Lantern over 9 harbours"
    server = Server(url, authority)
    document = server.call("GET", "/api/v1/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    print(f"{len(document['paths'])} paths, a valid OpenAPI {document['openapi']} document", flush=True)
    server.sign_in(user, first)
    server.call("PUT", "/api/v1/self/password", {"current_password": first, "new_password": second})
    server.sign_in(user, second)
    token = server.call("POST", "/api/v1/self/tokens", {"name": "conformance", "expires_in_days": 1})["token"]
    with tempfile.TemporaryDirectory() as folder:
        schema = os.path.join(folder, "openapi.json")
        with open(schema, "w") as output:
            json.dump(document, output)
        command = [
            os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", schema, "--url", url, "--tls-verify", authority,
            "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", examples, "--max-time", seconds,
            "--request-timeout", "60", "--suppress-health-check", "all", "--generation-database", "none", "--warnings", "off", "--no-color",
            "--continue-on-failure", "--exclude-operation-id", "activateCertificate", "--seed", "20261126", "--header", f"Authorization: Bearer {token}",
        ]
        status = subprocess.run(command, cwd=folder).returncode
    server.token = token
    print(f"afterwards {server.call('GET', '/api/v1/self')['name']} is still let in", flush=True)
    sys.exit(status)


main()
