"""The same hop by multiprocessing.Queue: from `put` in one process to the bytes in the hands of another.

Runs as a process of its own, `python bench/load/queue_hop.py SIZE REPEATS`, and writes the µs of each repeat as JSON.
The child is spawned, as model servers do.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import sys
import time
from multiprocessing.queues import Queue
from typing import Any


def _worker(requests: Queue[Any], answers: Queue[Any]) -> None:
    while (body := requests.get()) is not None:
        answers.put((time.monotonic_ns(), len(body)))


def main() -> None:
    """Send the body over and over; the child tells when it had it."""
    size, repeats = int(sys.argv[1]), int(sys.argv[2])
    context = multiprocessing.get_context("spawn")
    requests, answers = context.Queue(), context.Queue()
    child = context.Process(target=_worker, args=(requests, answers), daemon=True)
    child.start()
    body = bytes(size)
    took: list[float] = []
    for _ in range(repeats + 2):
        began = time.monotonic_ns()
        requests.put(body)
        entered, length = answers.get(timeout=30)
        assert length == size
        took.append((entered - began) / 1e3)
    requests.put(None)
    child.join()
    print(json.dumps({"median_us": statistics.median(took[2:]), "all_us": took[2:]}))


if __name__ == "__main__":
    main()
