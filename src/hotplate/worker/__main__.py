"""`python -m hotplate.worker SPEC`: started by the server, never by hand."""

import sys

from hotplate.startup import import_msgspec

import_msgspec()

from hotplate.worker.boot import main  # noqa: E402 - after the import above, which would otherwise be slow

sys.exit(main(sys.argv[1]))
