#!/usr/bin/env python3
"""Makes the folders beside it: README.md says how."""

import hmac
import http.client
import http.server
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time

ADMIN = "hka_of_these_tests"
program, here = sys.argv[1], os.path.dirname(os.path.abspath(__file__))


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500 if self.path.startswith("/fails") else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
target = f"http://127.0.0.1:{receiver.server_port}"


class Hookline:
    def __init__(self, folder):
        env = dict(os.environ, PORT="0", DATA_DIR=folder, ADMIN_KEY=ADMIN)
        self.process = subprocess.Popen([program], env=env, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            words = line.split()
            if words[:1] == ["API"]:
                self.host = words[1].removeprefix("http://")
            if words[:1] == ["Tenant"]:
                break
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def call(self, method, path, body=None, key=ADMIN, **headers):
        connection = http.client.HTTPConnection(self.host)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status < 400, (path, answer.status, text)
        self.cookie = answer.getheader("Set-Cookie")
        return json.loads(text) if text[:1] in (b"{", b"[") else text

    def until(self, done):
        for _ in range(600):
            if done():
                return
            time.sleep(0.1)
        raise TimeoutError


def make(name, end):
    folder = os.path.join(here, name)
    shutil.rmtree(folder, ignore_errors=True)
    h = Hookline(os.path.join(folder, "data"))
    quick = h.call("GET", "/v1/dialects/standard") | {"ladder": ["1s"]}
    h.call("PUT", "/v1/dialects/quick", {k: v for k, v in quick.items() if k not in ("name", "version")})
    keys = {}
    for tenant, dialect in (("acme", "standard"), ("globex", "quick")):
        keys[tenant] = h.call("POST", "/v1/tenants", {"id": tenant, "name": tenant, "dialect": dialect})["api_key"]
    acme, globex = keys["acme"], keys["globex"]

    def hook(key, path, *events, **fields):
        return h.call("POST", "/v1/webhooks", {"url": target + path, "events": events} | fields, key)["id"]

    def publish(key, kind, data, **headers):
        return h.call("POST", "/v1/events", {"type": kind, "data": data}, key, **headers)["id"]

    hooks = {
        "takes": hook(acme, "/takes", "order.*", headers={"X-Token": "t-1"}),
        "fails": hook(acme, "/fails", "invoice.paid"),
        "paced": hook(acme, "/paced", "user.created", max_per_second=1),
        "dead": hook(globex, "/fails", "*"),
    }

    def statuses(key):
        return sorted(d["status"] for d in h.call("GET", "/v1/deliveries?limit=100", key=key)["data"])

    noise = random.Random(1)
    events = {
        "large": publish(acme, "order.placed", {"text": "".join(noise.choice("abcdefghijklmnop") for _ in range(5000))}),
        "pinned": publish(acme, "order.placed", {"order": 7}, Idempotency_Key="k-1"),
        "dead": publish(globex, "invoice.paid", {"n": 1}),
        "long": publish(acme, "invoice.paid", {"n": 2}),
    }
    h.call("POST", "/v1/events", {"id": "order-7", "type": "order.placed", "data": {"n": 3}}, acme)
    source = h.call("POST", "/v1/sources", {"kind": "custom", "name": "Jenkins", "secret": "secret"}, acme)
    report = {
        "environment": "production", "commit_sha": "56e05fced214c44a37759efa2dfc25a65d8ae98d", "repository_id": "123",
        "repository_url": "https://git.example.com/a/b", "deployed_at": "2026-10-27T00:00:00Z",
    }
    signed = hmac.new(b"secret", json.dumps(report).encode(), "sha256").hexdigest()
    path = source["url"].split(h.host, 1)[1]
    deployment = h.call("POST", path, report, X_Axify_Deployment_Event_Signature="sha256=" + signed)["id"]
    link = h.call("POST", "/v1/portal-links", {}, acme)["url"]
    h.call("GET", link.split(h.host, 1)[1], Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")
    cookie = h.cookie.split(";")[0]
    h.until(lambda: statuses(globex) == ["failed"] and statuses(acme).count("succeeded") == 3)
    job = h.call("POST", f"/v1/webhooks/{hooks['takes']}/replay", {"since": "2000-01-01T00:00:00Z", "status": "succeeded"}, acme)["id"]
    h.until(lambda: h.call("GET", f"/v1/replays/{job}", key=acme)["status"] == "done")
    # The invoice has failed twice: it waits five minutes for its third attempt.
    h.until(lambda: any(d["attempt_count"] == 2 for d in h.call("GET", "/v1/deliveries?status=pending", key=acme)["data"]))
    events["short"] = publish(acme, "invoice.paid", {"n": 4})
    h.until(lambda: statuses(acme).count("pending") == 2)
    # Of eight, one a second: the others stand in line.
    events["paced"] = [publish(acme, "user.created", {"id": str(n), "email": "a@example.com", "created_at": "2026-10-27T00:00:00Z"}) for n in range(8)]
    h.until(lambda: statuses(acme).count("succeeded") >= 5)
    # From now on the store takes nothing, so an event from the bus stays in its queue.
    lock = sqlite3.connect(os.path.join(folder, "data", "store.db"), isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    entry = {"Source": "shop", "DetailType": "order.placed", "Detail": json.dumps({"tenant": "acme", "data": {"n": 5}})}
    events["bus"] = h.call("POST", "/", {"Entries": [entry]}, X_Amz_Target="AWSEvents.PutEvents")["Entries"][0]["EventId"]
    kept = {t: {d["event_id"]: d["status"] for d in h.call("GET", "/v1/deliveries?limit=100", key=k)["data"]} for t, k in keys.items()}
    facts = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "keys": keys, "webhooks": hooks, "events": events,
        "deliveries": kept, "source": source["id"], "deployment": deployment, "cookie": cookie, "job": job,
    }
    h.process.send_signal(end)
    h.process.wait()
    with open(os.path.join(folder, "facts.json"), "w") as f:
        json.dump(facts, f, indent=2)
    with tarfile.open(folder + ".tar.gz", "w:gz") as tar:
        tar.add(folder, ".")
    lock.close()
    shutil.rmtree(folder)


make("stopped", signal.SIGTERM)
make("killed", signal.SIGKILL)
