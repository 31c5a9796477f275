"""`python -m short_patience SECONDS ARGS`: the `hotplate` command, with less patience for workers that hang."""

from __future__ import annotations

import sys
from pathlib import Path

from hotplate.server import hung

FOLDER = str(Path(__file__).parent)

if __name__ == "__main__":
    hung.HUNG_S = float(sys.argv[1])
    from hotplate.cli import main

    sys.exit(main(sys.argv[2:]))
