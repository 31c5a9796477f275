"""`python -m hotplate.images DIGEST`: the image of a revision, for the server that wants to run it.

Says what it does on standard error. Where it cannot be built, it ends with status 1 and a line of JSON on standard
output, `{"code", "message"}`.
"""

from __future__ import annotations

import argparse
import sys

import msgspec

from hotplate.build import store
from hotplate.build.result import failure
from hotplate.deployment.home import find_home
from hotplate.engine.engine import find_engine
from hotplate.errors import HotplateError
from hotplate.images.revision_image import ensure


def main(words: list[str] | None = None) -> int:
    """Build it, unless it is there."""
    parser = argparse.ArgumentParser(prog="python -m hotplate.images", description=__doc__)
    parser.add_argument("digest")
    digest = parser.parse_args(words).digest
    home = find_home()
    try:
        engine = find_engine()
        ensure(store.read(home, digest), home, engine, say, scripts=True)
    except HotplateError as error:
        sys.stdout.write(msgspec.json.encode(failure(error)).decode() + "\n")
        return 1
    return 0


def say(text: str) -> None:
    """Say what is done."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
