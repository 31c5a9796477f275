"""What our images and containers are called on an engine, and the labels by which we know them again."""

from __future__ import annotations

REVISIONS = "hotplate/revision"
HOME_LABEL = "org.hotplate.home"
"""Whose container it is: the folder of the installation."""
ENDPOINT_LABEL = "org.hotplate.endpoint"
NETWORK = "hotplate-replicas"


def revision_tag(digest: str) -> str:
    """The image of a revision."""
    return f"{REVISIONS}:{digest[:32]}"
