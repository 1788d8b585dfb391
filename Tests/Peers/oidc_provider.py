"""An OpenID provider for tests: PyPI's oidc-provider-mock behind TLS on a free port, which it prints.

Arguments: certificate and private key in PEM. Its people: alice and carol with verified addresses, bob with one that is not.
"""

import logging
import os
import sys
import threading
import time

import oidc_provider_mock
from oidc_provider_mock import User
from werkzeug.serving import make_server

logging.disable(logging.CRITICAL)
certificate, key = sys.argv[1:3]
parent = os.getppid()


def end_with_parent():
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
people = [
    User(sub="alice-at-provider", claims={"email": "Alice@example.com", "email_verified": True}),
    User(sub="bob-at-provider", claims={"email": "bob@example.com", "email_verified": False}),
    User(sub="carol-at-provider", claims={"email": "carol@example.com", "email_verified": True}),
]
app = oidc_provider_mock.app(require_nonce=True, user_claims=people)
server = make_server("localhost", 0, app, threaded=True, ssl_context=(certificate, key))
print(server.server_port, flush=True)
server.serve_forever()
