"""Runs beside the real inferless package: `inferless.call` with plain data, and prints the answer."""

import json
import sys

import inferless

url = sys.argv[1]
answer = inferless.call(url, "a key", data={"prompt": "a", "times": 2})
try:
    inferless.call(url, "a key", data={"times": 2})
except Exception as error:
    print(json.dumps({"answer": answer, "error": str(error)}))
