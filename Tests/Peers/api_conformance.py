"""Lets Schemathesis try every operation of a running server's OpenAPI document, after openapi-spec-validator has read it.

Arguments: the management socket's path, seconds to spend, examples for each operation. What goes over the socket is the same HTTP as over
TLS; a small proxy gives it a TCP port. Ends with 0 if no answer was a 5xx or undeclared.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


def serve(listener, path):
    while True:
        client, _ = listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(path)
        threading.Thread(target=pump, args=(client, server), daemon=True).start()
        threading.Thread(target=pump, args=(server, client), daemon=True).start()


def main():
    path, seconds, examples = sys.argv[1:4]
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener, path), daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with urllib.request.urlopen(f"{url}/api/v1/openapi.json") as answer:
        document = json.load(answer)
    OpenAPIV31SpecValidator(document).validate()
    print(f"{len(document['paths'])} paths, a valid OpenAPI {document['openapi']} document", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        schema = os.path.join(folder, "openapi.json")
        with open(schema, "w") as file:
            json.dump(document, file)
        command = [
            os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", schema, "--url", url, "--checks", CHECKS,
            "--phases", "examples,coverage,fuzzing", "--max-examples", examples, "--max-time", seconds, "--request-timeout", "60",
            "--suppress-health-check", "all", "--generation-database", "none", "--warnings", "off", "--no-color",
            "--header", "Authorization: Bearer none",
        ]
        sys.exit(subprocess.run(command, cwd=folder).returncode)


main()
