from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hotplate.server import pages

FILES = {path: pages.get(path) for path in pages.PATHS}
SCRIPTS = {path: body.decode() for path, (body, kind) in FILES.items() if "javascript" in kind}
MAX_TOTAL_BYTES = 80 * 1024


class Markup(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside in ("script", "style"):
            self.inline += data.strip()


HTML = Markup(FILES["/docs"][0].decode())


def test_the_page_and_each_file_it_names_are_there():
    named = [attrs[key] for _, attrs in HTML.tags for key in ("src", "href") if key in attrs]
    files = [name for name in named if not name.startswith("#") and name != "openapi.json"]
    assert len(files) >= 3
    for name in files:
        assert pages.get(f"/{name}"), name


def test_each_script_that_a_script_imports_is_there():
    imports = [name for text in SCRIPTS.values() for name in re.findall(r'from "\./([^"]+)"', text)]
    assert imports
    for name in imports:
        assert pages.get(f"/docs/{name}"), name


def test_every_file_in_the_folder_is_served():
    folder = Path(pages.__file__).with_name("static")
    assert {file.name for file in folder.iterdir()} == {name for name, _ in pages._FILES.values()}


@pytest.mark.parametrize(
    "path", ["/", "/docs/", "/docs/../__init__.py", "/docs/docs.html", "/docs//app.js", "/docs/%2e%2e/x", "docs", ""]
)
def test_any_other_path_is_nothing(path):
    assert pages.get(path) is None


def test_content_types_are_exact():
    assert FILES["/docs"][1] == "text/html; charset=utf-8"
    assert FILES["/docs/app.js"][1] == "text/javascript; charset=utf-8"
    assert FILES["/docs/docs.css"][1] == "text/css; charset=utf-8"


def test_a_strict_policy_allows_the_markup():
    assert HTML.inline == ""
    for tag, attrs in HTML.tags:
        assert tag != "style"
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
    policy = dict(pages.HEADERS)["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy


def test_the_page_carries_the_same_policy_itself_for_proxies_that_drop_headers():
    [own] = [attrs["content"] for tag, attrs in HTML.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    sent = dict(pages.HEADERS)["content-security-policy"]
    assert sent == f"{own}; frame-ancestors 'none'"  # which a page cannot say of itself


@pytest.mark.parametrize("path", pages.PATHS)
def test_nothing_comes_from_another_host(path):
    text = FILES[path][0].decode()
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`)]*", text))
    assert {found for found in addresses if "w3.org/2000/svg" not in found} == set()


@pytest.mark.parametrize("path", SCRIPTS)
def test_text_never_becomes_markup_or_code(path):
    banned = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc|\.style\b"
    assert re.findall(banned, SCRIPTS[path]) == []


def test_addresses_are_relative_so_that_any_prefix_works():
    for tag, attrs in HTML.tags:
        for key in ("src", "href"):
            assert not (attrs.get(key) or "").startswith("/"), (tag, attrs)
    for text in SCRIPTS.values():
        assert re.findall(r"""(?:fetch|new URL)\(["'`]/""", text) == []


def test_the_whole_page_is_small():
    assert sum(len(body) for body, _ in {id(body): (body, 0) for body, _ in FILES.values()}.values()) <= MAX_TOTAL_BYTES


def test_a_file_is_read_once():
    assert pages.get("/docs/app.js")[0] is pages.get("/docs/app.js")[0]
    assert pages.get("/redoc")[0] is pages.get("/docs")[0]
