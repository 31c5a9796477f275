"""The machine: what it has, what it is busy with, what its processes are; and the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from hotplate import __version__
from hotplate.control.ledger import read_audit
from hotplate.control.supervisor import read_supervisor
from hotplate.control.ui import machine
from hotplate.control.ui.gpu_use import GpuUse
from hotplate.control.ui.pages.figures import span_of
from hotplate.control.ui.view import Page, View
from hotplate.deployment.hardware import profiles
from hotplate.hardware.gpus import read_gpus

MAX_AUDIT = 300
COLOURS = ("accent", "cool", "good", "plum", "warn")


def show(view: View) -> Page:
    """Everything about the machine."""
    watch = view.services.watch
    loads = list(watch.machine.loads)
    disk_used, disk_total = machine.read_disk(view.plane.home.root)
    running = read_supervisor(view.plane.home)
    busy = {each.uuid: each for each in watch.machine.gpus.look()}
    values = {
        "now": loads[-1] if loads else None,
        "processors": machine.processors(),
        "disk": {"used": disk_used, "total": disk_total},
        "charts": _charts(loads, int(time.time() / 5) * 5.0),
        "gpus": _gpus(busy),
        "gpu_charts": _gpu_charts(watch.machine, int(time.time() / 5) * 5.0),
        "profiles": profiles().values(),
        "supervisor": running,
        "replicas": _replicas(watch.states),
        "version": __version__,
        "home": str(view.plane.home.root) if view.may("admin") else "",
    }
    return Page("machine.html", values)


def _charts(loads: list[machine.Load], end: float) -> list[dict[str, Any]]:
    span = span_of(loads[0].at if loads else end, end)
    seen = [load for load in loads if load.at >= end - span]
    times = [round(load.at, 1) for load in seen]

    def chart(title: str, unit: str, name: str, colour: str, values: list[float]) -> dict[str, Any]:
        series = [{"name": name, "colour": colour, "values": values}]
        return {"title": title, "unit": unit, "kind": "line", "begin": end - span, "end": end, "times": times} | {
            "series": series
        }

    return [
        chart("Processors", "%", "busy", "accent", [round(load.busy * 100, 1) for load in seen]),
        chart("Memory", "GB", "used", "cool", [round(load.memory_used / 1e9, 2) for load in seen]),
    ]


def _gpus(busy: Mapping[str, GpuUse]) -> list[GpuUse]:
    """Those that the command knows; where it is not there, those that the driver's library names, without their use."""
    if busy:
        return sorted(busy.values(), key=lambda each: each.number)
    nothing: dict[str, Any] = {"busy": None, "memory_used": None, "celsius": None, "watts": None}
    return [
        GpuUse(number=each.number, uuid=each.uuid, name=each.name, memory_total=each.memory_bytes, **nothing)
        for each in read_gpus()
    ]


def _gpu_charts(seen: machine.Machine, end: float) -> list[dict[str, Any]]:
    points = seen.gpus.points()
    if not points:
        return []
    span = span_of(points[0][0], end)
    points = [point for point in points if point[0] >= end - span]
    names = sorted({each.number for _, gpus in points for each in gpus})
    found: dict[int, list[GpuUse | None]] = {
        number: [next((each for each in gpus if each.number == number), None) for _, gpus in points] for number in names
    }

    def chart(title: str, unit: str, value: Callable[[GpuUse], float | None]) -> dict[str, Any]:
        series = [
            {
                "name": f"GPU {number}",
                "colour": COLOURS[number % len(COLOURS)],
                "values": [None if each is None else value(each) for each in listed],
            }
            for number, listed in found.items()
        ]
        times = [round(at, 1) for at, _ in points]
        return {"title": title, "unit": unit, "kind": "line", "begin": end - span, "end": end, "times": times} | {
            "series": series
        }

    return [
        chart("GPUs", "%", lambda each: None if each.busy is None else round(each.busy * 100, 1)),
        chart(
            "GPUs' memory", "GB", lambda each: None if each.memory_used is None else round(each.memory_used / 1e9, 2)
        ),
    ]


def _replicas(states: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The replicas that take the most memory."""
    found: list[dict[str, Any]] = []
    for name, each in states.items():
        revisions: list[dict[str, Any]] = each.get("revisions") or []
        for revision in revisions:
            replicas: list[dict[str, Any]] = revision.get("replicas") or []
            found += [{**replica, "endpoint": name} for replica in replicas]
    return sorted(found, key=_memory, reverse=True)[:20]


def _memory(replica: dict[str, Any]) -> int:
    return int(replica.get("rss_bytes") or 0)


def audit(view: View) -> Page:
    """Who changed what, the newest first."""
    names = {row["id"]: row["name"] for row in view.plane.database.rows("SELECT id, name FROM tokens")}
    found = read_audit(view.plane.database, MAX_AUDIT)
    return Page(
        "audit.html", {"changes": [{**each, "by": names.get(str(each["token"]), each["token"])} for each in found]}
    )
