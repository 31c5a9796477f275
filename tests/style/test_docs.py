"""The documents hold together: every link leads somewhere, every error is explained, the reading order is whole."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from hotplate import errors
from hotplate.edge.status import STATUS

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.M | re.S)
ROW = re.compile(r"^\| `(\w+)` \| `\w+` \| (\d{3}) \| (.+?) \| (.+?) \|$", re.M)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a Markdown text."""
    headings = re.findall(r"^#+ (.+?)\s*$", FENCE.sub("", text), re.M)
    plain = [re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def broken(name: str, text: str, root: Path) -> list[str]:
    wrong: list[str] = []
    for match in LINK.finditer(re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))):
        target = match.group(1) or match.group(2)
        if target.startswith(("https://", "mailto:")):
            continue
        if target.startswith("http://"):
            wrong.append(f"{name}: {target} is not https")
            continue
        path, _, anchor = target.partition("#")
        file = (root / name).parent / path if path else root / name
        if not file.exists():
            wrong.append(f"{name}: {target} is not there")
        elif anchor and anchor not in anchors(file.read_text("utf-8")):
            wrong.append(f"{name}: {target} has no such heading")
    return wrong


def test_every_link_leads_somewhere(texts, root):
    documents = [source for source in texts if source.name.endswith(".md")]
    assert documents
    assert [wrong for source in documents for wrong in broken(source.name, source.text, root)] == []


@pytest.mark.parametrize("link", ["[a](nowhere.md)", "[a](#nowhere)", "![a](no.png)", "[a](http://plain.org)"])
def test_a_broken_link_is_found(link, tmp_path):
    (tmp_path / "x.md").write_text(link)
    assert broken("x.md", f"# Here\n\n{link}\n", tmp_path)


def test_a_good_link_is_let_through(tmp_path):
    text = "# One `two`: three\n\n[a](#one-two-three) [b](x.md) `[c](not a link)`\n\n```\n[d](code)\n```\n"
    (tmp_path / "x.md").write_text(text)
    assert broken("x.md", text, tmp_path) == []


def test_every_error_code_is_explained_with_its_status(root):
    rows = ROW.findall((root / "docs/errors.md").read_text("utf-8"))
    assert {code: int(status) for code, status, _, _ in rows} == dict(STATUS)
    assert len(rows) == len(STATUS)
    assert all(len(meaning) > 10 and len(step) > 10 for _, _, meaning, step in rows)


def test_every_error_class_is_named_beside_its_code(root):
    text = (root / "docs/errors.md").read_text("utf-8")
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.HotplateError):
            assert f"`{error.__name__}`" in text, error


def test_the_architecture_pages_form_one_reading_order(root):
    pages = sorted(path.name for path in (root / "docs/architecture").glob("*.md"))
    assert [page[:2] for page in pages] == [f"{number:02}" for number in range(len(pages))]
    for here, following in zip(pages, pages[1:], strict=False):
        assert f"]({following})" in (root / "docs/architecture" / here).read_text("utf-8"), f"{here} leads nowhere"


def test_a_figure_in_the_architecture_pages_names_its_bench(root):
    """Numbers with a unit of time, rate or memory, or a ratio, stand only beside the command that measures them."""
    figure = re.compile(r"\b\d[\d,.]*\s?(?:ms|µs|us|ns|req/s|MB|KB|GB|MiB|×|x faster|times faster)(?!\w)")
    wrong: list[str] = []
    for page in sorted((root / "docs/architecture").glob("*.md")):
        for paragraph in FENCE.sub("", page.read_text("utf-8")).split("\n\n"):
            if "python -m bench" in paragraph or "make bench" in paragraph:
                continue
            wrong += [f"{page.name}: {found.group()}" for found in figure.finditer(paragraph)]
    assert wrong == []


EXTRAS = re.compile(r"\bhotplate\[([\w,-]+)\]")


def test_every_extra_is_written_as_it_is_declared(texts, root):
    """An older pip, as Python 3.11 still brings it, takes `entry_point` for another extra than `entry-point`: it warns
    and installs nothing of it."""
    declared = set(tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"])
    named = {
        (source.name, extra) for source in texts for found in EXTRAS.findall(source.text) for extra in found.split(",")
    }
    assert ("docs/coming-from-deepaas.md", "entry-point") in named
    assert sorted((name, extra) for name, extra in named if extra not in declared) == []
