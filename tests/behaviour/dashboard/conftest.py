from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dashboard_rig import CHROMIUM, Visitor, chromium, control_url, visitor
from installation import FREE_PORTS, Installation, installation
from playwright.sync_api import Browser
from serving import write_project

SERVICE = '''
import sys
import time
from collections.abc import Iterator
from typing import Literal

from PIL import ImageDraw
from pydantic import BaseModel, Field

from hotplate import Image, Service, path, progress


class Options(BaseModel):
    loud: bool = False
    tone: Literal["warm", "plain"] = "warm"
    words: list[str] = Field(default_factory=list)


class Hello(Service):
    """Says hello, tells stories, looks at pictures."""

    def infer(self, prompt: str = "Hello plate!", times: int = 1, options: Options | None = None) -> str:
        """Repeat a text."""
        print("infer", prompt)
        print("WARNING low on plates", file=sys.stderr)
        return " ".join([prompt] * times) + ("!" if options and options.loud else "")

    @path("/story")
    def story(self, pieces: int = 4) -> Iterator[str]:
        """Tell a story piece by piece."""
        for n in range(pieces):
            time.sleep(0.05)
            yield f"piece {n}. "

    @path("/boxes")
    def boxes(self, image: Image) -> Image:
        """Draw a box around what is in a picture."""
        picture = image.to_pil().convert("RGB")
        ImageDraw.Draw(picture).rectangle((8, 8, 40, 40), outline="red", width=3)
        return Image.from_pil(picture)

    @path("/slow")
    def slow(self, steps: int = 4) -> str:
        """Take a while, and say how far it is."""
        for step in range(steps):
            progress(step / steps, f"step {step}")
            time.sleep(0.8)
        return f"{steps} steps"

    @path("/never")
    def never(self, why: str) -> str:
        print(why)
        raise ValueError(why)

    @path("/fail")
    def fail(self, why: str = "<b>no plate</b>") -> str:
        raise RuntimeError(why)
'''


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process has the installation and the browser for all of these."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("dashboard"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: Playwright keeps an event loop running, beside which no other test can run one."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: sudo apt-get install chromium")
    with chromium() as made:
        yield made


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """`hotplate up` with one endpoint, hello, deployed twice."""
    with installation() as made:
        made.variables["HOTPLATE_FETCH_ALLOW"] = "127.0.0.1:*"  # for webhooks to a receiver of a test's own
        made.run("up", "--detach", *FREE_PORTS)
        folder = write_project(tmp_path_factory.mktemp("hello"), {"service.py": SERVICE})
        made.run("deploy", str(folder), "--name", "hello")
        write_project(folder, {"service.py": SERVICE.replace("Repeat a text.", "Repeat a text, gladly.")})
        made.run("deploy", str(folder), "--name", "hello", "--min-replicas", "1")
        yield made


@pytest.fixture
def guest(browser: Browser, site: Installation) -> Iterator[Visitor]:
    try:
        with visitor(browser, control_url(site)) as made:
            yield made
    finally:
        print((site.root / "logs" / "up.log").read_text()[-4000:])


@pytest.fixture(scope="module")
def signed_in(browser: Browser, site: Installation) -> Any:
    """The cookies of an admin who signed in by the form."""
    with visitor(browser, control_url(site)) as made:
        made.sign_in(site.admin)
        return made.context.cookies()


@pytest.fixture
def admin(guest: Visitor, signed_in: Any) -> Visitor:
    """Signed in already, and at no page yet. Who signs out ends it for all tests of the module: be a guest for that."""
    guest.context.add_cookies(signed_in)
    return guest
