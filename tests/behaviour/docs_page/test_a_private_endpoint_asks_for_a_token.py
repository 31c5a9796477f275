from __future__ import annotations

from pathlib import Path

from serving import write_project

from tests.behaviour.up.conftest import ECHO
from tests.fleet import endpoint, revision_of, serve_fleet, token


def test_the_page_asks_and_then_shows_the_endpoint(_browser, tmp_path: Path) -> None:
    page, caller = _browser, token("invoke")
    with serve_fleet(tmp_path / "home") as fleet:
        revision = revision_of(write_project(tmp_path / "model", ECHO), "first1")
        fleet.publish(endpoint("echo", revision), tokens=[caller])
        page.call("Page.navigate", url=f"http://127.0.0.1:{fleet.port}/echo/docs")
        page.wait("document.querySelector('form.token input')")
        page.type("hp_wrong_token")
        page.js("document.querySelector('form.token').requestSubmit()")
        page.wait("document.querySelector('form.token [role=alert]')")
        page.type(caller.text)
        page.js("document.querySelector('form.token').requestSubmit()")
        page.wait("document.querySelector('details.card')")
        assert "/predict" in page.js("document.getElementById('routes').innerText")
        assert page.js("document.querySelector('p.token input').value") == caller.text
        assert page.js("localStorage.length + sessionStorage.length") == 0
