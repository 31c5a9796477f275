"""Places in the images that Hotplate builds, for who builds them and for who runs them (`images/plan.py` says more)."""

from __future__ import annotations

ROOT = "/opt/hotplate"
SERVER = f"{ROOT}/env"
RECORD = f"{ROOT}/image.json"
PROJECT = "/opt/project"
PACKAGES = f"{PROJECT}/env"
FILES = f"{PROJECT}/files"
VOLUME = f"{PROJECT}/volume"
OUTPUT = f"{PROJECT}/output"
"""Of a job that runs alone: what it leaves there is kept."""
HOME = f"{PROJECT}/home"
"""Of the user: where libraries keep what they download."""

USER_ID = 10001
"""Who runs it: nobody in particular. Numbers, since the base need not have a user by any name."""
PORT = 8080
HEALTH = "/healthcheck"
