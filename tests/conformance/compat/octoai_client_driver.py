"""Calls `octoai.client` in every way against one server and prints what came of it as JSON.

Run by two interpreters: one has the real octoai-sdk, the other only Hotplate. Sleeps are noted, not slept.
"""

import base64
import json
import logging
import random
import sys
import time

url = sys.argv[1]
sleeps = []
time.sleep = sleeps.append
random.uniform = lambda low, high: (low + high) / 2

from octoai.client import Client, InferenceFuture  # noqa: E402
from octoai.errors import OctoAIClientError, OctoAIError, OctoAIServerError  # noqa: E402

logs = []


class Keep(logging.Handler):
    def emit(self, record):
        logs.append([record.name, record.levelname, record.getMessage()])


handler = Keep()
logging.getLogger("octoai.client").addHandler(handler)
media = {"image": {"data": base64.b64encode(b"\x89PNG")}, "n": 3}
client = Client(token="t0k")


def stream(path, **more):
    return list(client.infer_stream(f"{url}/{path}", {"prompt": "hi"}, **more))


def future(path):
    return InferenceFuture(response_id="r-1", poll_url=f"{url}/{path}")


calls = {
    "infer": lambda: client.infer(f"{url}/ok", {"prompt": "Hello world!"}),
    "infer by keyword": lambda: client.infer(endpoint_url=f"{url}/ok", inputs={"prompt": "é\n"}),
    "infer media": lambda: client.infer(f"{url}/ok", media),
    "infer nested media": lambda: client.infer(f"{url}/ok", {"all": [media, media]}),
    "infer 201": lambda: client.infer(f"{url}/created", {}),
    "infer 307": lambda: client.infer(f"{url}/moved", {}),
    "infer 404": lambda: client.infer(f"{url}/nope", {}),
    "infer 422": lambda: client.infer(f"{url}/422", {"wrong": 1}),
    "infer 499": lambda: client.infer(f"{url}/499", {}),
    "infer 500 with request id": lambda: client.infer(f"{url}/500-id", {}),
    "infer 500, then good": lambda: client.infer(f"{url}/500-then-good", {}),
    "infer 502 for ever": lambda: client.infer(f"{url}/502", {}),
    "infer 429 for ever": lambda: client.infer(f"{url}/429", {}),
    "infer 503, then 422": lambda: client.infer(f"{url}/503-then-422", {}),
    "infer not json": lambda: client.infer(f"{url}/html", {}),
    "infer refused": lambda: client.infer("http://127.0.0.1:1/infer", {}),
    "stream": lambda: stream("stream"),
    "stream mapped": lambda: stream("stream", map_fn=lambda value: [value]),
    "stream without done": lambda: stream("stream-open"),
    "stream malformed": lambda: stream("stream-malformed"),
    "stream 503": lambda: stream("502"),
    "stream 422": lambda: stream("422"),
    "health ok": lambda: client.health_check(f"{url}/ok-get"),
    "health 404": lambda: client.health_check(f"{url}/nope"),
    "health starts": lambda: client.health_check(f"{url}/starts"),
    "health never": lambda: client.health_check(f"{url}/502", timeout=2.5),
    "health not a moment": lambda: client.health_check(f"{url}/502", timeout=0),
    "health 307": lambda: client.health_check(f"{url}/moved"),
    "async": lambda: client.infer_async(f"{url}/async", {"prompt": "hi"}).model_dump(),
    "async 503, then good": lambda: client.infer_async(f"{url}/async-late", {}).model_dump(),
    "async 422": lambda: client.infer_async(f"{url}/422", {}).model_dump(),
    "future pending": lambda: [client.is_future_ready(future("pending")), client.get_future_result(future("pending"))],
    "future done": lambda: [client.is_future_ready(future("done")), client.get_future_result(future("done"))],
    "future unknown": lambda: client.is_future_ready(future("nope")),
    "result gone": lambda: client.get_future_result(future("gone")),
    "errors": lambda: [
        [repr(error), error.message, repr(error.caused_by)]
        for error in (OctoAIError("a"), OctoAIClientError(message="b", caused_by=ValueError("c")))
    ],
    "text of an error": lambda: str(OctoAIServerError("d")),
    "text of an error with a cause": lambda: str(OctoAIServerError("d", ValueError("c"))),
}

results = {}
for name, call in calls.items():
    sleeps.clear()
    logs.clear()
    # Marks the requests of this case in the server's notes.
    client._httpx_client.headers["x-case"] = name
    try:
        outcome = {"value": call()}
    except Exception as error:
        kinds = [kind.__module__.partition(".")[0] + "." + kind.__name__ for kind in type(error).__mro__[:-3]]
        text = str(error) if kinds[0].startswith("octoai") else ""
        outcome = {"error": kinds, "text": text.replace(url, "URL")}
    results[name] = {"outcome": outcome, "sleeps": [round(s, 6) for s in sleeps], "logs": list(logs)}
print(json.dumps(results))
