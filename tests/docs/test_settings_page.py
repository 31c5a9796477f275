"""docs/settings.md is what `hotplate config list -o markdown` writes, and names everything."""

from __future__ import annotations

from pathlib import Path

from hotplate.config.project_keys import KEYS, OCTOAI
from hotplate.config.reference import settings_page
from hotplate.config.settings import SETTINGS

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_in_step_with_the_settings():
    assert PAGE.read_text(encoding="utf-8") == settings_page(), "write it: hotplate config list -o markdown"


def test_every_setting_and_key_is_on_the_page():
    page = settings_page()
    for setting in SETTINGS.values():
        flag = f"`{setting.flag}`" if setting.in_flags else "none"
        assert f"| `{setting.key}` | {flag}" in page
        assert setting.help in page
    for key in KEYS:
        assert f"| `{key}` |" in page
    for key in OCTOAI:
        assert f"| `{key.replace('_', '-')}` |" in page
