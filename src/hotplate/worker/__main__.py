"""`python -m hotplate.worker`: started by the server, never by hand."""

import sys

from hotplate.startup import import_msgspec

import_msgspec()

from hotplate.worker.boot import main  # noqa: E402 - after the import above, which would otherwise be slow

if __name__ == "__main__":  # a process that user code spawns imports this module again, under another name
    sys.exit(main())
