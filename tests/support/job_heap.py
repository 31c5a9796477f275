"""`python -m job_heap SOCKET -- ARGS`: runs the `hotplate` command, and tells whoever connects what is on its heap.

`kept` says how many objects there are that can be reached; `hold` ends automatic collections and `left` says how many
objects have been made since that only a collection clears away.
"""

from __future__ import annotations

import gc
import socket
import sys
from collections import Counter
from pathlib import Path
from threading import Thread


def tell(listener: socket.socket) -> None:
    while True:
        with listener.accept()[0] as asker:
            word = asker.recv(10).decode()
            if word == "left":
                gc.set_debug(gc.DEBUG_SAVEALL)
                gc.collect()
                kinds = Counter(type(thing).__qualname__ for thing in gc.garbage)
                gc.set_debug(0)
                gc.garbage.clear()
                gc.enable()
                asker.sendall(f"{kinds.total()} {kinds.most_common(12)}".encode())
                continue
            gc.collect()
            if word == "hold":
                gc.disable()
            asker.sendall(str(len(gc.get_objects())).encode())


def ask(path: Path, word: str) -> str:
    """What a server that runs under this says."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(str(path))
        sock.sendall(word.encode())
        return sock.recv(4096).decode()


if __name__ == "__main__":
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    Thread(target=tell, args=(listener,), daemon=True).start()
    from hotplate.cli import main

    sys.exit(main(sys.argv[3:]))
