"""`make screenshots`: the pictures of the documents, taken of a real installation with real models under real calls.

Nothing in them is drawn or arranged: endpoints are deployed, called for a while by several clients, and looked at with
Chromium. Needs PyPI for the face detector's packages.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS), str(TESTS / "support")]

from dashboard_rig import Visitor, chromium, control_url, visitor  # noqa: E402
from installation import FREE_PORTS, Installation, installation  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import expect  # noqa: E402
from serving import write_project  # noqa: E402

ROOT = TESTS.parent
IMAGES = ROOT / "docs/images"
SCAFFOLDS = ROOT / "src/hotplate/scaffolds"
SECONDS = 200.0
"""How long calls run before the pictures: long enough for the charts to have something to show."""

CAPTIONS = '''
import random
import sys
import time
from collections.abc import Iterator
from typing import Literal

from hotplate import Service, path


class Captions(Service):
    """Writes captions for pictures of food."""

    def setup(self) -> None:
        print("INFO loading weights")
        time.sleep(0.4)

    def infer(self, dish: str, style: Literal["plain", "poetic"] = "plain", words: int = 12) -> str:
        """Write a caption."""
        time.sleep(random.uniform(0.01, 0.09))
        if random.random() < 0.03:
            print(f"WARNING no recipe for {dish}, guessing", file=sys.stderr)
        print(f"INFO wrote {words} words about {dish}")
        return f"A {style} plate of {dish}"

    @path("/stream")
    def stream(self, dish: str, pieces: int = 20) -> Iterator[str]:
        """Write a caption word by word."""
        for word in (f"{dish} on a warm plate, " * pieces).split()[:pieces]:
            time.sleep(0.02)
            yield word + " "
'''
RANKER = "def rank(query: str, documents: list[str], top: int = 3) -> list[str]:\n    return sorted(documents)[:top]\n"
DISHES = ("ramen", "paella", "pierogi", "injera", "ceviche", "dal", "okonomiyaki", "shakshuka")


def deploy(site: Installation, folder: Path) -> None:
    """Four endpoints, one of them with a second revision."""
    captions = write_project(folder / "captions", {"service.py": CAPTIONS})
    site.run("deploy", str(captions), "--max-replicas", "4", "--set", "display_name=Captions for food")
    write_project(captions, {"service.py": CAPTIONS.replace("words: int = 12", "words: int = 12, shout: bool = False")})
    site.run("deploy", str(captions), "--min-replicas", "1")
    site.run("deploy", str(SCAFFOLDS / "face-detection"), "--name", "face-detection", "--max-replicas", "2")
    site.run("deploy", str(SCAFFOLDS / "hello-world"), "--name", "hello-world", "--visibility", "public")
    ranker = write_project(folder / "ranker", {"model.py": RANKER})
    site.run("deploy", f"{ranker}/model.py:rank", "--name", "ranker")


def calls(site: Installation, until: float) -> None:
    """Clients whose number swells and sinks."""

    def client(number: int) -> None:
        while time.monotonic() < until:
            wave = (until - time.monotonic()) % 120 / 120
            if number / 6 > wave + 0.2:
                time.sleep(1)
                continue
            name, body = random.choices(
                [
                    ("captions/infer", {"dish": random.choice(DISHES), "words": random.randint(6, 30)}),
                    ("captions/stream", {"dish": random.choice(DISHES), "pieces": 6}),
                    ("hello-world/infer", {"prompt": "Hello plate!"}),
                    ("ranker/rank", {"query": "warm", "documents": list(DISHES)}),
                    ("captions/infer", {"dish": 7}),
                ],
                [60, 5, 20, 12, 3],
            )[0]
            later = {"Prefer": "respond-async"} if random.random() < 0.02 else {}
            try:
                site.send(f"/{name}", body, {"Authorization": f"Bearer {site.admin}", **later})
            except (OSError, ValueError):
                pass
            time.sleep(random.expovariate(4))

    for thread in [threading.Thread(target=client, args=(number,), daemon=True) for number in range(6)]:
        thread.start()


def take(guest: Visitor, name: str, *, height: int = 860) -> None:
    """Keep what is seen."""
    guest.page.set_viewport_size({"width": guest.page.viewport_size["width"], "height": height})  # type: ignore[index]
    guest.page.wait_for_timeout(2500)
    path = IMAGES / f"{name}.png"
    guest.page.screenshot(path=path)
    Image.open(path).convert("RGB").save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1e3:.0f} kB")


def pictures(guest: Visitor, site: Installation) -> None:
    """All of them, in the order of the document."""
    page = guest.sign_in(site.admin)
    take(guest, "endpoints", height=640)
    page = guest.go("/ui/e/captions")
    take(guest, "overview", height=1180)
    page = guest.go("/ui/e/face-detection/try")
    card = page.locator("details.card[id='/infer']")
    card.locator("input[type=file]").set_input_files(SCAFFOLDS / "face-detection/astronaut.jpg")
    card.get_by_role("button", name="Send").click()
    expect(card.locator(".answer img")).to_be_visible(timeout=120_000)
    take(guest, "try-it", height=1120)
    guest.go("/ui/jobs")
    take(guest, "jobs", height=720)
    guest.go("/ui/e/captions/logs")
    take(guest, "logs", height=720)
    guest.go("/ui/e/captions/revisions")
    take(guest, "revisions", height=820)
    page = guest.go("/ui/new")
    page.locator("[name=folder]").fill("/srv/models/classifier")
    page.get_by_label("Name", exact=True).fill("classifier")
    page.get_by_label("At most").fill("4")
    page.get_by_role("button", name="Add route").click()
    page.get_by_label("File name").fill("predict")
    page.get_by_label("Function name").fill("predict_image")
    page.get_by_role("button", name="Add parameter").click()
    page.locator(".parameter").last.get_by_label("Name").fill("filename")
    page.evaluate("scrollTo(0, 0)")
    take(guest, "create", height=1180)


def main() -> int:
    """Take them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    import tempfile

    with tempfile.TemporaryDirectory() as folder, installation() as site, chromium() as browser:
        site.run("up", "--detach", *FREE_PORTS)
        deploy(site, Path(folder))
        seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
        calls(site, time.monotonic() + seconds + 120)
        url = control_url(site)
        with visitor(browser, url) as guest:
            guest.sign_in(site.admin)  # somebody looks, so the charts have a point every two seconds
            guest.page.wait_for_timeout(seconds * 1e3)
            pictures(guest, site)
        with visitor(browser, url, color_scheme="dark") as guest:
            guest.sign_in(site.admin)
            guest.go("/ui/e/captions")
            take(guest, "overview-dark", height=860)
        with visitor(browser, url, color_scheme="dark") as guest:
            guest.page.set_viewport_size({"width": 390, "height": 844})
            guest.sign_in(site.admin)
            guest.go("/ui/e/captions")
            take(guest, "phone", height=844)
    return 0


if __name__ == "__main__":
    sys.exit(main())
