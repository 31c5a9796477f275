"""`python -m hotplate.server --fd N`: the server of `hotplate up`, started by the supervisor on its socket."""

import sys

from hotplate.startup import import_msgspec

import_msgspec()


def main() -> int:
    """Serve. Gives the exit status."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m hotplate.server")
    parser.add_argument("--fd", type=int, required=True, help="The listening socket")
    from hotplate.server.background import run

    return run(parser.parse_args().fd)


if __name__ == "__main__":
    sys.exit(main())
