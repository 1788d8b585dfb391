"""Asks headless Chromium what a page of some origin can read of a key service's answers.

Arguments: certificate and private key in PEM for the pages (any name: the browser is told to take it), then origins; on standard input a JSON
list of requests, each {"url", "method", "body"}. Prints {"<origin>": [{"status", "body"} or {"error"}, …]}.
"""
import http.server
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.parse

certificate, key = sys.argv[1:3]
origins = sys.argv[3:]
requests = json.load(sys.stdin)
results, done = {}, threading.Event()
PAGE = """<!doctype html><meta charset="utf-8"><script>
(async () => {
  const results = [];
  for (const one of REQUESTS) {
    try {
      const options = {method: one.method, credentials: "omit"};
      if (one.method === "POST") { options.headers = {"Content-Type": "application/json"}; options.body = one.body; }
      const answer = await fetch(one.url, options);
      results.push({status: answer.status, body: await answer.text()});
    } catch (error) { results.push({error: String(error)}); }
  }
  await fetch("/result", {method: "POST", body: JSON.stringify({origin: location.origin, results})});
})();
</script>"""


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = PAGE.replace("REQUESTS", json.dumps(requests)).encode() if self.path == "/" else b""
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        results[found["origin"]] = found["results"]
        done.set()

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
program = shutil.which("chromium") or sys.exit("chromium is not installed")
names = [urllib.parse.urlparse(origin).hostname for origin in origins]
rules = ", ".join(f"MAP {name}:443 127.0.0.1:{server.server_port}" for name in names)
for origin in origins:
    done.clear()
    with tempfile.TemporaryDirectory() as profile:
        browser = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--ignore-certificate-errors",
             f"--host-resolver-rules={rules}", f"--user-data-dir={profile}", origin + "/"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        found = done.wait(120)
        browser.terminate()
        try:
            errors = browser.communicate(timeout=20)[1]
        except subprocess.TimeoutExpired:
            browser.kill()
            errors = browser.communicate()[1]
        if not found:
            sys.exit(f"the page of {origin} told nothing within 120 s: {errors.decode(errors='replace')[-2000:]}")
print(json.dumps(results))
