"""Ray's client in a process of its own: it does what the server asks for by lines of JSON, and tells what happens.

    python agent.py < {"address": …, "keep": {name: [actor, node]}, …} and then {"id": 1, "do": "start", …} …
                    > {"event": "up", …} {"id": 1, "ok": …} {"id": 1, "error": …, "text": …} {"event": "lost", …}

Runs under any interpreter that has Ray, and never imports Hotplate. It ends when its standard input does; the actors
live on, and are found again by their names.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from actors import Actors
from sayings import Refused, Unavailable, last_line, quietly

OUT = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)  # whatever Ray prints is not for the server
THREADS = 64
LOOK_S = 2.0
"""How often to look which nodes there are."""
_writing = threading.Lock()


def say(**told: Any) -> None:
    """Tell the server something."""
    with _writing:
        OUT.write(json.dumps(told) + "\n")
        OUT.flush()


def connect(told: dict[str, Any]) -> Actors:
    """Connect to the cluster. Raises Refused or Unavailable."""
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise Refused(
            f"{sys.executable} has no Ray. Install it (pip install 'hotplate[ray]'), or name an interpreter that has "
            "the cluster's Ray with ray_python."
        ) from None
    cells = importlib.import_module("cell")
    for module in (cells, importlib.import_module("parcel")):
        ray.cloudpickle.register_pickle_by_value(module)
    address = told["address"]
    here = f"Ray {ray.__version__} on Python {sys.version.split()[0]}"
    try:
        ray.init(address=address, namespace=told["namespace"], log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # noqa: BLE001 - whatever Ray raises
        text = str(error)
        if "ersion" in text and ("mismatch" in text or "different" in text):
            said = " ".join(text.split())[:400]
            raise Refused(
                f"The Ray cluster at {address} is of another version than what runs here ({here}): {said} "
                "Name an interpreter with the cluster's versions with ray_python."
            ) from None
        raise Unavailable(f"The Ray cluster at {address} cannot be reached with {here}: {last_line(error)}") from None
    return Actors(ray, cells, say, spares=told["spares"], grows=told["grows"])


def main() -> None:
    """Do what is told until nobody tells any more."""
    told = json.loads(sys.stdin.readline())
    try:
        agent = connect(told)
        agent.adopt(told["keep"])
        say(event="up", nodes=sum(node["Alive"] for node in agent.ray.nodes()))
    except Refused as error:
        say(event="down", error="refused", text=str(error))
        os._exit(1)
    except Unavailable as error:
        say(event="down", error="unavailable", text=str(error))
        os._exit(1)
    threading.Thread(target=look_again, args=(agent,), daemon=True).start()
    pool = ThreadPoolExecutor(THREADS)
    for line in sys.stdin:
        pool.submit(answer, agent, json.loads(line))
    os._exit(0)


def look_again(agent: Actors) -> None:
    """Look at the nodes now and again."""
    pause = threading.Event()
    while True:
        quietly(agent.look)
        pause.wait(LOOK_S)


def answer(agent: Actors, told: dict[str, Any]) -> None:
    """Do one thing, and say what came of it."""
    number, do = told.pop("id"), told.pop("do")
    try:
        say(id=number, ok=getattr(agent, do)(**told))
    except Refused as error:
        say(id=number, error="refused", text=str(error))
    except Exception as error:  # noqa: BLE001 - the server is told
        text = str(error) if isinstance(error, Unavailable) else f"Ray failed: {last_line(error)}"
        say(id=number, error="unavailable", text=text)


if __name__ == "__main__":
    main()
