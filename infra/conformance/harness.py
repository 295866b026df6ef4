# Runs on deliveries what receivers have for them in Python: the documents' code in testdata/snippets, as it is printed,
# and the library standardwebhooks of PyPI.
# In:  one JSON a line, {code, secret, headers: {name in lower case: value}, body: base64 of the bytes on the wire}.
# Out: one JSON a line, in the same order: {accepted, payload?: text}, or {error, message} for what was raised.
import base64
import json
import pathlib
import sys

from standardwebhooks import Webhook


def load(file, wanted):
    scope = {}
    exec((pathlib.Path(__file__).parent / "testdata/snippets" / file).read_text(), scope)
    return scope[wanted]


axoria_py = load("axoria.py", "verify")

verify = {
    "axoria.py": lambda secret, headers, body: {"accepted": axoria_py(secret, body, headers["x-axoria-signature"])},
    "standardwebhooks (PyPI)": lambda secret, headers, body: {
        "accepted": True,
        "payload": json.dumps(Webhook(secret).verify(body, headers)),
    },
}

for line in sys.stdin:
    request = json.loads(line)
    check = verify[request["code"]]
    try:
        answer = check(request["secret"], request["headers"], base64.b64decode(request["body"]))
    except Exception as e:
        answer = {"error": type(e).__name__, "message": str(e)}
    print(json.dumps(answer), flush=True)
