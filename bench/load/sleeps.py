"""The sleeps of *batch* in a bare loop: what this machine's clock and scheduler leave of the arithmetic bound.

Runs as a process of its own, `python bench/load/sleeps.py SLEEP_S SECONDS`, and writes sleeps per second.
"""

from __future__ import annotations

import sys
import time


def main() -> None:
    """Sleep over and over."""
    sleep_s, seconds = float(sys.argv[1]), float(sys.argv[2])
    began, count = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        time.sleep(sleep_s)
        count += 1
    print(count / (time.monotonic() - began))


if __name__ == "__main__":
    main()
