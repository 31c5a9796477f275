"""Remove built revisions and environments that no endpoint has, or could be rolled back to, and what is of old images.

What was built within the last hour stays, since it may be about to be deployed; --all removes that too.
"""

from __future__ import annotations

import argparse

from hotplate.cli import console
from hotplate.cli.parsing import add_output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `prune`."""
    parser.add_argument("--all", action="store_true", help="Also what was built within the last hour")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Remove, and say what. Nothing has to run."""
    from hotplate.build.prune import KEEP_S, prune
    from hotplate.control.named import named_revisions
    from hotplate.deployment.home import find_home
    from hotplate.images.built import sweep
    from hotplate.images.kept_images import drop_unneeded

    home = find_home()
    keep_s = 0.0 if args.all else KEEP_S
    found = prune(home, named_revisions(home), keep_s=keep_s)
    found = found._replace(freed_bytes=found.freed_bytes + sweep(home, keep_s=keep_s))
    images = drop_unneeded(home)
    if args.output == "json":
        console.out_json({**found._asdict(), "images": images})
        return 0
    console.out(
        f"Removed {len(found.revisions)} revisions and {len(found.environments)} environments "
        f"({found.freed_bytes / (1 << 20):.1f} MiB), and {len(images)} images of an engine."
    )
    return 0
