"""A client that sends exactly what it is told, over TLS or a Unix socket, and tells what came back.

Reads one JSON document from standard input:
  port or socket; alpn (list), certificate + key (files), steps: a list of
    {"send": base64}                     sends
    {"chunks": megabytes}                sends chunks of 64 KiB of a chunked body until so much is sent or the peer hangs up
    {"wait": seconds}                    waits
  read: how long to read after the last step and the first byte.
Writes one: received (base64), closed (whether the peer closed), sent (bytes), seconds, protocol, error.
"""
import base64
import json
import socket
import ssl
import sys
import threading
import time


def connect(plan):
    if "socket" in plan:
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(plan["socket"])
        return peer, None
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(plan.get("alpn", ["http/1.1"]))
    if "certificate" in plan:
        context.load_cert_chain(plan["certificate"], plan["key"])
    peer = context.wrap_socket(socket.create_connection(("127.0.0.1", plan["port"])), server_hostname="localhost")
    return peer, peer.selected_alpn_protocol()


class Reader(threading.Thread):
    def __init__(self, peer):
        super().__init__(daemon=True)
        self.peer, self.received, self.closed = peer, b"", False

    def run(self):
        try:
            while data := self.peer.recv(65536):
                self.received += data
            self.closed = True
        except TimeoutError:
            pass
        except OSError:
            self.closed = True


def main():
    plan = json.load(sys.stdin)
    start, sent, error = time.monotonic(), 0, None
    peer, protocol = connect(plan)
    peer.settimeout(plan.get("patience", 60))
    reader = Reader(peer)
    reader.start()
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    try:
        for step in plan["steps"]:
            if "send" in step:
                data = base64.b64decode(step["send"])
                peer.sendall(data)
                sent += len(data)
            elif "chunks" in step:
                limit = step["chunks"] << 20
                while sent < limit:
                    peer.sendall(chunk)
                    sent += len(chunk)
            else:
                reader.join(step["wait"])
    except OSError as failure:
        error = str(failure)
    patience = time.monotonic() + 20  # a busy machine may let the first byte wait
    while not reader.received and not reader.closed and time.monotonic() < patience:
        reader.join(0.02)
    reader.join(plan.get("read", 1))
    json.dump({
        "received": base64.b64encode(reader.received).decode(), "closed": reader.closed, "sent": sent,
        "milliseconds": int((time.monotonic() - start) * 1000), "protocol": protocol, "error": error,
    }, sys.stdout)


main()
