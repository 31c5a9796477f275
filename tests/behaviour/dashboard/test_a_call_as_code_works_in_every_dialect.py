"""Connect: the call of a form, pasted as curl, Python or JavaScript, gives the same model's answer in every dialect."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from dashboard_rig import Visitor
from installation import Installation
from playwright.sync_api import Locator, expect

SAME = Path(__file__).resolve().parents[3] / "examples" / "same-model"
PATHS = {
    "service": "/infer",
    "function": "/classify",
    "input_schema": "/infer",
    "routes": "/classify",
    "predictor": "/infer",
    "entry_point": "/v2/models/iris/predict/",
}
LANGUAGES = ("curl", "Python", "JavaScript")


def fill(card: Locator) -> None:
    """Say that a petal is 5 long, by the form that the contract gives: its own field, or a body as JSON."""
    expect(card.get_by_role("button", name="Send")).to_be_visible()
    field = card.get_by_label("petal_length")
    if field.count():
        field.first.fill("5")
    else:
        card.get_by_label("body").fill('{"petal_length": 5}')


def answer(card: Locator, language: str, site: Installation) -> str:
    """What the code prints. Without node, a JavaScript module runs on the endpoint's own documentation page."""
    card.get_by_role("tab", name=language).click()
    code = card.get_by_role("tabpanel").inner_text()
    if language == "JavaScript" and shutil.which("node") is None:
        page = card.page.context.new_page()
        page.goto(site.supervisor["url"] + "/service/docs")
        stand_ins = f"const process = {{ env: {{ HOTPLATE_TOKEN: {site.admin!r} }} }}; const said = [];"
        told = "const console = { log: (text) => said.push(text) };"
        return str(page.evaluate(f"async () => {{ {stand_ins} {told} {code}; return said.join('\\n'); }}"))
    programs = {"curl": ["bash", "-c"], "Python": ["python", "-c"], "JavaScript": ["node", "--input-type=module", "-e"]}
    environment = {**site.environ, "HOTPLATE_TOKEN": site.admin}
    words = [*programs[language], code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (code, done.stderr)
    return done.stdout


@pytest.mark.parametrize("dialect", PATHS)
def test_what_is_pasted_gives_what_the_form_gives(admin: Visitor, site: Installation, dialect: str) -> None:
    name = dialect.replace("_", "-")
    site.run("deploy", str(SAME / dialect), "--name", name, "--max-replicas", "1")
    page = admin.go(f"/ui/e/{name}/try")
    card = page.locator(f"details.card[id='{PATHS[dialect]}']")
    if card.get_attribute("open") is None:
        card.locator("summary").first.click()
    fill(card)
    for language in LANGUAGES:
        assert "versicolor" in answer(card, language, site), language
