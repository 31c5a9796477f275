"""Runs with the real proximl and with our stand-in: what a script can see of both, as JSON.

`python proximl_driver.py` prints the file that was imported and what its classes and errors are like.
"""

from __future__ import annotations

import inspect
import json

import proximl
from proximl import exceptions, jobs

TEXTS = {
    "ProxiMLException": ("it's over",),
    "ApiError": (404, {"errorMessage": "Job x not found"}),
    "JobError": ("failed", {"id": "x"}),
    "SpecificationError": ("status", "Invalid wait_for status X."),
    "ConnectionError": ("nobody there",),
}
ERRORS = [*TEXTS, "DatasetError", "ModelError", "CheckpointError", "VolumeError", "NodeError", "RegionError"]


def public(cls: type) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in vars(cls).items():
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            found[name] = "property"
        else:
            kinds = [each for each in inspect.signature(value).parameters.values() if each.name != "self"]
            found[name] = [each.name for each in kinds if each.kind is each.POSITIONAL_OR_KEYWORD]
    return found


def shown(name: str) -> list[object]:
    error = getattr(exceptions, name)(*TEXTS[name])
    more = [getattr(error, each, None) for each in ("message", "status", "attribute")]
    return [str(error), repr(error), *more]


async def refusals() -> list[str]:
    """What is refused without a word with any server."""
    found = []
    job = jobs.Job.__new__(jobs.Job)
    made = {"id": "x", "name": "n", "type": "endpoint", "status": "running", "endpoint": {"url": "u"}}
    job._job, job._id, job._type, job._status = made, "x", "endpoint", "running"
    for call in (
        lambda: job.wait_for("nowhere"),
        lambda: job.wait_for("stopped", 100_000),
        lambda: job.update({}),
        lambda: job.copy("other"),
        lambda: job.open(),
        lambda: jobs.Jobs.create(None, "n", "endpoint"),
    ):
        try:
            await call()
        except exceptions.ProxiMLException as error:
            found.append(repr(error))
    found.append(await job.connect())
    found.append(await job.wait_for("running"))
    found.append(str(job))
    return found


async def main() -> None:
    facts = {
        "version": proximl.__version__,
        "jobs": public(jobs.Jobs),
        "job": public(jobs.Job),
        "errors": {name: [each.__name__ for each in getattr(exceptions, name).__mro__[1:]] for name in ERRORS},
        "texts": {name: shown(name) for name in TEXTS},
        "refusals": await refusals(),
    }
    print(json.dumps([proximl.__file__, facts]))


if __name__ == "__main__":
    import asyncio

    asyncio.run(main())
