"""`python -m hotplate.worker SPEC`: started by the server, never by hand."""

import sys

from hotplate.worker.boot import main

sys.exit(main(sys.argv[1]))
