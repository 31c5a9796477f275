"""The first page: every endpoint with its state and what it does now."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from hotplate.control import endpoints
from hotplate.control.supervisor import read_url
from hotplate.control.ui.pages import figures
from hotplate.control.ui.render import macro
from hotplate.control.ui.view import Page, View
from hotplate.control.ui.words import ms, percent, rate

ROWS_KEPT = 4096
BAD = 0.01
"""The share of errors that is shown in red."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An endpoint as the list shows it. Equal rows are written once, for all who look."""

    read: bool
    name: str
    display_name: str
    status: str
    failed: bool
    public: bool
    running: int
    least: int
    most: int
    requests: str
    line: str
    area: str
    p50: str
    p99: str
    errors: str
    bad: bool
    deployed_at: float | None


def show(view: View) -> Page:
    """The list. A token that may only call sees names and nothing more."""
    watch = view.services.watch
    found = endpoints.list_endpoints(view.plane, view.caller, watch.states)
    deployed = view.plane.database.rows("SELECT endpoint, max(at) AS at FROM deployments GROUP BY endpoint")
    dates = {row["endpoint"]: row["at"] for row in deployed}
    read, now = view.may("read"), time.time()
    numbers = [figures.numbers(watch.history(each["name"]), watch.states.get(each["name"], {})) for each in found]
    items: dict[str, Markup] = {}
    for each, number in zip(found, numbers, strict=True):
        line, area = watch.history(each["name"]).sparkline.draw(now)
        items[f"row-{each['name']}"] = _write(
            Row(
                read=read,
                name=each["name"],
                display_name=each["display_name"] if each["display_name"] != each["name"] else "",
                status=each["status"],
                failed=each["rollout"]["state"] == "failed",
                public=each["visibility"] == "public",
                running=_running(each),
                least=each["min_replicas"],
                most=each["max_replicas"],
                requests=rate(number["requests"]),
                line=line,
                area=area,
                p50=ms(number["p50_s"]),
                p99=ms(number["p99_s"]),
                errors=percent(number["errors"]),
                bad=number["errors"] > BAD,
                deployed_at=dates.get(each["name"]),
            )
        )
    values = {"items": items, "url": read_url(view.plane.home), "away": watch.looked_at > 0 and watch.state is None}
    return Page("endpoints.html", values | {"totals": _totals(found, numbers)}, {"live_rows": items})


@lru_cache(maxsize=ROWS_KEPT)
def _write(row: Row) -> Markup:
    return macro("endpoint_row.html", "row", row)


def _running(each: dict[str, Any]) -> int:
    return sum(replica["status"] == "running" for replica in each["replicas"])


def _totals(found: list[dict[str, Any]], numbers: list[dict[str, Any]]) -> dict[str, Any]:
    requests = sum(each["requests"] for each in numbers)
    errors = sum(each["errors"] * each["requests"] for each in numbers)
    return {
        "endpoints": len(found),
        "running": sum(each["status"] == "running" for each in found),
        "replicas": sum(_running(each) for each in found),
        "requests": requests,
        "errors": errors / requests if requests else 0.0,
        "queue": sum(each["queue"] for each in numbers),
    }
