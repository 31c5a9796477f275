"""Every database of control that the suite runs over."""

from __future__ import annotations

from collections.abc import Callable

import postgres_server
import pytest

from hotplate.control import plane as planes
from hotplate.control.database import Database, open_database
from hotplate.control.plane import Plane
from hotplate.deployment.home import Home
from hotplate.deployment.sealed import make_key


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home")
    home.make()
    make_key(home.key)
    return home


@pytest.fixture(params=["sqlite", "postgres"])
def store(request) -> str:
    if request.param == "sqlite":
        return "files"
    if not postgres_server.installed():
        pytest.skip(postgres_server.REASON)
    return postgres_server.fresh_database()


@pytest.fixture
def open_again(home, store):
    """Open the same database once more, as a process that starts does."""
    opened: list[Database] = []

    def again() -> Database:
        opened.append(open_database(home, store))
        return opened[-1]

    yield again
    for each in opened:
        each.close()


@pytest.fixture
def database(open_again: Callable[[], Database]) -> Database:
    return open_again()


@pytest.fixture
def plane(home, store):
    made: Plane = planes.open_plane(home, store)
    yield made
    made.database.close()
