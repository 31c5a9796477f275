"""Makes revisions of a project: files, environment, and a contract checked by loading the project once.

Each step looks first whether its result is there already, so a second build of the same project only reads it.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from msgspec import structs

from hotplate.build import bundle as bundles
from hotplate.build import environment, interpreter, lock, requirements, store
from hotplate.build.bundle import Bundle
from hotplate.build.check import check
from hotplate.build.full_disk import disk_errors
from hotplate.build.kept import Kept
from hotplate.build.requirements import Scripts, Wanted
from hotplate.build.staging import Staging, keep_fresh, remove, sweep
from hotplate.config.resolve import resolve
from hotplate.config.settings import Settings
from hotplate.contract import Contract
from hotplate.deployment.home import Home
from hotplate.deployment.records import Revision
from hotplate.dialects.base import Match, Project
from hotplate.dialects.opening import Opened

FORMAT = 1
Step = Literal["files", "packages", "environment", "load", "revision", "assets", "note"]
Progress = Callable[[Step, str], None]


class Options(NamedTuple):
    """How to build. `python` is a version, a command or a path. `upgrade` asks the package index anew."""

    python: str | None = None
    scripts: Scripts = "refuse"
    upgrade: bool = False


class Built(NamedTuple):
    """A revision, whether it was there before, and what its author should know."""

    revision: Revision
    reused: bool
    seconds: float
    notes: tuple[str, ...]


def make(
    opened: Opened, *, home: Home, options: Options | None = None, progress: Progress | None = None
) -> list[Built]:
    """Make a revision of each thing that a project serves: of each API of a `cortex.yaml`, else one.

    Raises:
        ProjectError: it cannot be read, its packages cannot be had, or it does not load (`trace` has its traceback).
        SettingError: its project file is wrong, or there is no such Python.
        Unavailable: the disk is full, or the package index away.
    """
    from hotplate.dialects.registry import detect

    home.make()
    for folder in (home.revisions, home.environments):
        sweep(folder)
    settings = resolve(environ=os.environ, file=opened.file).settings
    options = options or Options()
    if options.python is None and opened.file is not None:
        options = options._replace(python=opened.file.python)
    builder = _Builder(opened.project, settings, home, options, progress or _silent)
    with disk_errors(home):
        matches = [(project, detect(project, dialect=opened.dialect)) for project in each_project(opened.project)]
        return [builder.build(project, match) for project, match in matches]


def _silent(step: Step, text: str) -> None:
    del step, text


def each_project(project: Project) -> list[Project]:
    """One project for each API that its own file lists."""
    from hotplate.dialects import predictor_yaml

    if project.api is not None or project.targets or not (project.root / predictor_yaml.FILE).is_file():
        return [project]
    return [structs.replace(project, api=api.name) for api in predictor_yaml.read(project.root)]


class _Builder:
    """One build. What several APIs of a project share is made once."""

    def __init__(self, project: Project, settings: Settings, home: Home, options: Options, progress: Progress) -> None:
        self.settings = settings
        self.home = home
        self.options = options
        self.progress = progress
        self.interpreter = interpreter.find(options.python)
        self.bundles: dict[str, Bundle] = {}

    def build(self, project: Project, match: Match) -> Built:
        start = time.monotonic()
        bundle = self.bundle(project, match)
        wanted = requirements.read(project, match, self.options.scripts)
        notes = (*wanted.notes, *_left_out(bundle))
        for note in notes:
            self.progress("note", note)
        with Staging(self.home.revisions) as staging:
            named, python = self.environment(wanted, bundle, staging.path)
            digest = _digest(bundle, named, project, match)
            found = store.find(self.home, digest)
            if found is not None and keep_fresh(store.path_of(self.home, digest)):
                if count := bundles.mend(bundle, Path(found.root), staging.path / store.FILES, kept=Kept(self.home)):
                    text = f"{count} file{'s' * (count != 1)} of {digest[:12]} had been changed or removed"
                    self.progress("note", f"{text} in {found.root}: put back")
                self.progress("revision", f"{digest[:12]} is there already")
                return Built(found, True, time.monotonic() - start, notes)
            files = staging.path / store.FILES
            bundles.copy(bundle, files, kept=Kept(self.home))
            self.progress("load", f"Loading {match.entry} once")
            contract = check(project, match, self.settings, files, python)
            revision = self.revision(project, match, contract, digest, named, python)
            store.write(staging.path, revision)
            target = store.path_of(self.home, digest)
            if not staging.rename(target) and store.find(self.home, digest) is None:
                remove(target)  # no build leaves such a folder, but a person may
                staging.rename(target)
        self.progress("revision", f"{digest[:12]} is made")
        return Built(store.read(self.home, digest), False, time.monotonic() - start, notes)

    def bundle(self, project: Project, match: Match) -> Bundle:
        if match.dialect not in self.bundles:
            self.progress("files", f"Reading {project.root}")
            found = bundles.collect(project.root, match.dialect)
            self.bundles[match.dialect] = found
            self.progress("files", f"{len(found.entries)} file{'s' * (len(found.entries) != 1)}, {_size(found.size)}")
        return self.bundles[match.dialect]

    def environment(self, wanted: Wanted, bundle: Bundle, staging: Path) -> tuple[str, str]:
        """Give the environment's digest and interpreter; no digest: it is the one that runs Hotplate."""
        if wanted.nothing and self.options.python is None:
            self.progress("environment", "The project lists no packages: it runs in Hotplate's own environment")
            return "", self.interpreter.path
        workspace = None
        if wanted.local or wanted.scripts:
            workspace = staging / "workspace"
            bundles.copy(bundle, workspace, writable=True)
        self.progress("packages", f"Resolving packages for Python {self.interpreter.version}")
        found = lock.resolve(
            wanted,
            self.interpreter,
            workspace or bundle.root,
            home=self.home,
            bundle=bundle.digest,
            upgrade=self.options.upgrade,
        )
        more = [*(word for script in wanted.scripts for word in script.words), *([bundle.digest] if workspace else [])]
        digest = found.digest(self.interpreter, more)
        if environment.is_whole(self.home, digest):
            self.progress("environment", f"{digest[:12]} is there already")
        else:
            self.progress("environment", f"Installing {len(found.packages())} packages")
        recipe = environment.Recipe(digest, found, self.interpreter, wanted.scripts, workspace)
        waiting = lambda: self.progress("environment", "Another build makes the same environment; waiting for it")  # noqa: E731
        python = environment.ensure(self.home, recipe, waiting)
        if workspace is not None:
            remove(workspace)
        return digest, str(python)

    def revision(
        self, project: Project, match: Match, contract: Contract, digest: str, named: str, python: str
    ) -> Revision:
        return Revision(
            digest=digest,
            root=str(store.path_of(self.home, digest) / store.FILES),
            python=python,
            dialect=match.dialect,
            entry=match.entry,
            targets=project.targets,
            service_module=project.service_module,
            service_class=project.service_class,
            faces=project.faces,
            options=project.options,
            env=dict(self.settings.env),
            store_assets=match.store_assets or contract.lifecycle.store_assets,
            environment=named,
            name=project.name,
            description=project.description,
            contract=contract,
        )


def _digest(bundle: Bundle, environment: str, project: Project, match: Match) -> str:
    """Name a revision by its content: files, packages, and what of them is served. Not by place, time or machine."""
    facts = [
        *(FORMAT, bundle.digest, environment, match.dialect, match.entry, project.targets),
        *(project.service_module, project.service_class, project.faces, sorted(project.options.items())),
    ]
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def _left_out(bundle: Bundle) -> tuple[str, ...]:
    if not bundle.private:
        return ()
    shown = ", ".join(bundle.private[:5]) + (" …" if len(bundle.private) > 5 else "")
    return (f"Left out, since it may hold keys or passwords: {shown}. A line !NAME in .hotplateignore takes it in.",)


def _size(count: int) -> str:
    return f"{count / 1024**2:.1f} MiB" if count >= 1024**2 else f"{count / 1024:.1f} KiB"
