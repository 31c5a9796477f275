"""From a template and values to an answer. Everything is escaped; no script runs but our files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, nodes
from markupsafe import Markup
from starlette.responses import Response

from hotplate.control.ui import words

HERE = Path(__file__).parent
LIVE = "live_"

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src data: blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    # `no-referrer` would make browsers send `Origin: null` with forms, and the origin is what is checked.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


@cache
def environment() -> Environment:
    """The templates."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update({each.__name__: each for each in words.FILTERS})
    kept: dict[str, Any] = made.globals
    kept["ui"] = made.get_template("parts.html").module
    return made


def macro(template: str, name: str, *values: Any) -> Markup:
    """A piece of a page, from a macro of a template. Text in the values is escaped there."""
    made: Any = environment().get_template(template).module
    return getattr(made, name)(*values)


def page(template: str, values: Mapping[str, Any], status: int = 200) -> Response:
    """A whole page."""
    html = environment().get_template(template).render(values)
    return Response(html, status, dict(HEADERS), media_type="text/html")


def live_blocks(template: str, values: Mapping[str, Any], but: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """The parts of a page that change by themselves: the id of the element, and what is in it."""
    for name, place in _live(template).items():
        if name not in but:
            found: Template = environment().get_template(place)
            yield name, "".join(found.blocks[name](found.new_context(dict(values))))


@cache
def _live(template: str) -> Mapping[str, str]:
    """The names of such blocks in a template and in those that it extends, and where the block of each is."""
    made = environment()
    assert made.loader is not None
    extended = made.parse(made.loader.get_source(made, template)[0]).find(nodes.Extends)
    own = {name: template for name in made.get_template(template).blocks if name.startswith(LIVE)}
    return {**(_live(str(extended.template.as_const())) if extended else {}), **own}
