"""Which revisions have an image on this machine's engine because of this installation, and the end of such images.

An image goes when its revision is gone. Other installations may have the same one: an engine keeps what a container is
made of, and whoever misses an image makes it again.
"""

from __future__ import annotations

from hotplate.deployment.home import Home
from hotplate.engine.engine import find_engine
from hotplate.engine.names import revision_tag
from hotplate.errors import EngineRefused, EngineUnavailable

FOLDER = "engine"
"""Below the home's folder of images: an empty file for each revision, named by its digest."""


def note(home: Home, digest: str) -> None:
    """Remember that the engine has the image of a revision for us."""
    folder = home.images / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / digest).touch()


def drop_unneeded(home: Home) -> list[str]:
    """Remove from the engine the images of revisions that are gone; give their tags.

    Without an engine nothing is removed, and nothing forgotten.
    """
    gone = [path for path in sorted((home.images / FOLDER).glob("*")) if not (home.revisions / path.name).is_dir()]
    if not gone:
        return []
    try:
        engine = find_engine()
    except EngineUnavailable:
        return []
    dropped: list[str] = []
    for path in gone:
        tag = revision_tag(path.name)
        try:
            engine.ask("image", "rm", tag)
            dropped.append(tag)
        except EngineUnavailable:
            break
        except EngineRefused:
            if engine.has(tag):  # a container is made of it: the next time
                continue
        path.unlink(missing_ok=True)
    return dropped
