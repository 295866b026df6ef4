# Judges deliveries by the verify.py of their dialect, in the folder that is given. In and out are those of run.mjs.
import base64
import json
import pathlib
import runpy
import sys

verify = {}
for line in sys.stdin:
    request = json.loads(line)
    code = request["code"]
    try:
        if code not in verify:
            verify[code] = runpy.run_path(str(pathlib.Path(sys.argv[1], code, "verify.py")))["verify"]
        answer = {"accepted": verify[code](base64.b64decode(request["body"]), request["headers"], request["secret"])}
    except Exception as e:
        answer = {"error": type(e).__name__, "message": str(e)}
    print(json.dumps(answer), flush=True)
