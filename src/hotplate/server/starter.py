"""Starts workers of one revision, from a template where a fork is safe, else as processes of their own.

The first start makes the template and forks it when it is ready, so that the project is imported once. A process that
turns out to be unsafe to fork becomes that first worker itself, so that nothing was done in vain; those after it are
started cold, and the reason is said once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from hotplate.server.crashes import Crashes
from hotplate.server.process import Process, Stage, StartFailed
from hotplate.server.template import Template, TemplateLost
from hotplate.wire.failure import Failure
from hotplate.wire.frames import Child

if TYPE_CHECKING:
    from hotplate.deployment import records
    from hotplate.hardware.limiter import Share
    from hotplate.server.links import AnyProcess
    from hotplate.server.log import Log

LOWER: Mapping[Stage, Stage] = {"loaded": "imports", "imports": ""}
"""What is tried where a template of a stage cannot be forked."""
TRIES = 3
MAKING_S = 1.0
"""How often to look whether a template is made yet that would be dropped sooner than that."""


def stage_of(wanted: records.Template) -> Stage:
    """The stage to try first. `auto` is `imports`: what setup() makes may not be meant to be shared."""
    if wanted == "off" or not hasattr(os, "pidfd_open"):
        return ""
    return "loaded" if wanted == "loaded" else "imports"


class Starter:
    """Gives a pool its processes; it is the pool's `spawn`.

    `spawn(number, stage)` starts a process and tells it what to load; with a stage it is a template, whose number is 0.
    `admit` gives a fork its share of the machine. `id_prefix` is that of the pool. `keep_s` is how long a template is
    kept that nobody needs.
    """

    def __init__(
        self,
        spawn: Callable[[int, Stage], AnyProcess | Awaitable[AnyProcess]],
        log: Log,
        *,
        template: records.Template,
        keep_s: float,
        setup_timeout_s: float,
        id_prefix: str,
        env: Callable[[int], Mapping[str, str]] | None = None,
        admit: Callable[[], Share] | None = None,
    ) -> None:
        self.stage: Stage = stage_of(template)
        self.reason = ""
        self._spawn = spawn
        self._log = log
        self.keep_s = keep_s
        self._timeout_s = setup_timeout_s
        self._id_prefix = id_prefix
        self._env = env
        self._admit = admit
        self._template: Template | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None
        self._crashes = Crashes()
        self._stopped = False

    @property
    def level(self) -> str:
        """How the next worker would be started: `template`, or `cold`."""
        return "template" if self._template is not None and self._template.state == "ready" else "cold"

    @property
    def pid(self) -> int | None:
        """The template's process, if there is one."""
        return None if self._template is None else self._template.process.pid

    async def __call__(self, number: int) -> AnyProcess:
        """Start a worker. Raises OSError where the machine cannot, StartFailed where the project cannot be loaded."""
        for _ in range(TRIES):
            if not self.stage:
                break
            was_ready = self.level == "template"
            template = self._template or self._make()
            await asyncio.shield(template.made)
            if template.state == "failed":
                raise StartFailed(template.failure or Failure("The worker ended while it loaded the project."))
            self._note(template)
            if template.state == "unsafe":
                self._template = None
                return template.release(self._child(number))
            if template.state != "ready":
                continue
            self._keep()
            try:
                process = await template.fork(self._child(number))
            except TemplateLost:
                continue
            self._limit(process)
            if not was_ready:
                process.level = "cold"
                process.marks = dict(template.process.marks)
            return process
        made = self._spawn(number, "")
        return await made if isinstance(made, Awaitable) else made

    def prepare(self) -> None:
        """Make the template now, so that the first start need not. Failing is told by the first start."""
        if self.stage and self._template is None and not self._stopped:
            try:
                self._make()
            except (OSError, StartFailed) as error:
                self._log.warning(f"The template could not be started: {error}")

    def drop(self) -> None:
        """Let the template go: it is not needed, or what it has loaded has changed. Its workers live on."""
        template, self._template = self._template, None
        for timer in (self._idle, self._again):
            if timer is not None:
                timer.cancel()
        if template is not None:
            template.end()

    def stop(self) -> None:
        """Let the template go for good."""
        self._stopped = True
        self.drop()

    def _child(self, number: int) -> Child:
        return Child(f"{self._id_prefix}-{number}-", dict(self._env(number)) if self._env is not None else {})

    def _limit(self, process: Process) -> None:
        """Give a fork a share of its own: it has had its template's until now."""
        if self._admit is None:
            return
        process.share = self._admit()
        try:
            process.share.apply(process.pid)
        except OSError as error:
            self._log.warning(f"A worker's limits could not be set: {error.strerror}")

    def _make(self) -> Template:
        process = self._spawn(0, self.stage)
        assert isinstance(process, Process)  # templates are processes of this machine
        self._template = Template(process, self._log, self._timeout_s, self._ended)
        self._keep()
        return self._template

    def _note(self, template: Template) -> None:
        """Say once why workers are not started as they were meant to be."""
        reason = template.early or template.unsafe
        if not reason or reason == self.reason:
            return
        self.reason = reason
        if template.early:
            self._log.warning(f"Workers are forked before setup(), not after it: {reason}")
            self.stage = "imports"
        if template.unsafe:
            self.stage = LOWER[self.stage]
            how = "forked before setup()" if self.stage else "started cold"
            self._log.warning(f"A fork of this project is not safe: {template.unsafe}. Workers are {how}")

    def _keep(self) -> None:
        """The template is needed: keep it for a while from now on."""
        if self._idle is not None:
            self._idle.cancel()
        making = self._template is not None and self._template.state == "making"
        delay_s = max(self.keep_s, MAKING_S) if making else self.keep_s
        self._idle = asyncio.get_running_loop().call_later(delay_s, self._unneeded)

    def _unneeded(self) -> None:
        if self._template is not None and self._template.state == "making":
            self._keep()
        else:
            self.drop()

    def _ended(self, template: Template) -> None:
        """A template died. One that was good is made anew, with pauses if it keeps dying."""
        if template is not self._template:
            return
        self._template = None
        if template.state == "failed" or self._stopped:
            return
        loop = asyncio.get_running_loop()
        self._crashes.note(loop.time())
        self._log.warning("The template of the workers died; another one is made")
        self._again = loop.call_later(self._crashes.delay_s(loop.time()), self.prepare)
