"""The builder `oci`: makes the image of a plan with no engine at all, and runs nothing in it.

The base is fetched by the registry's API or read from a file; the environments and the project's files are layers on
top of it. The same plan on the same base is the same image, to the last bit; layers that were made before are found
again by what they were made from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hotplate.build.full_disk import disk_errors
from hotplate.deployment.home import Home, write_whole
from hotplate.errors import SettingError
from hotplate.images import base as bases
from hotplate.images import documents, layers, packages
from hotplate.images import plan as places
from hotplate.images.base import Base, Open
from hotplate.images.blobs import Blobs
from hotplate.images.documents import CONFIG, MANIFEST, Descriptor, Manifest
from hotplate.images.layers import Item, Layer
from hotplate.images.plan import ImagePlan
from hotplate.images.reference import parse

FORMAT = 1
EPOCH = "1970-01-01T00:00:00Z"
"""When every image was made, for the same content to have the same digest."""
DOCKERFILE = "Dockerfile"
_CERTIFICATES = f"{places.ROOT}/certificates.crt"
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SECOND_NS = 1_000_000_000

Progress = Callable[[str, str], None]


class Made(NamedTuple):
    """An image that lies in this machine's store. `base` says where parts of it already are."""

    manifest: bytes
    digest: str
    size: int
    added: int
    base: Base


def build(plan: ImagePlan, home: Home, open_registry: Open, progress: Progress, *, archive: Path | None = None) -> Made:
    """Make an image. `archive` is the file or folder that has the base; None: its registry is asked.

    Raises:
        SettingError: the plan wants what an engine alone can do, or does not fit the base.
        PackagesRefused, ImageInvalid, NotFound, RegistryRefused, RegistryUnreachable, DiskFull: what its parts say.
    """
    _check_plan(plan)
    with disk_errors(home):
        folder = home.images
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        blobs = Blobs(folder / "blobs")
        blobs.sweep()
        progress("base", f"Reading {archive or plan.base}")
        base = (
            bases.from_file(archive, plan.platform, folder)
            if archive is not None
            else bases.from_registry(parse(plan.base), plan.platform, folder, open_registry, progress)
        )
        _check_base(plan, base)
        made = _Builder(plan, base, folder, blobs, progress).layers()
        configuration = documents.encode(_configuration(plan, base, made))
        described = Descriptor(media_type=CONFIG, digest=blobs.put(configuration), size=len(configuration))
        stack = (*bases.layers_of(base), *(layer.blob for layer in made))
        manifest = documents.encode(Manifest(schema_version=2, media_type=MANIFEST, config=described, layers=stack))
        digest = blobs.put(manifest)
    added = sum(layer.blob.size for layer in made)
    progress("image", f"{digest[7:19]}: {added / 1e6:.1f} MB on top of {plan.base if archive is None else archive}")
    return Made(manifest, digest, sum(part.size for part in stack), added, base)


def _check_plan(plan: ImagePlan) -> None:
    packages.machine_of(plan)
    hint = "Build it with an engine: --builder docker, or podman."
    if (plan.files / DOCKERFILE).is_file():
        raise SettingError(
            "The project has a Dockerfile of its own, and the builder oci runs none.", source=DOCKERFILE, hint=hint
        )
    if plan.setup:
        raise SettingError("The builder oci runs nothing, so not setup() either.", key="setup", hint=hint)
    if plan.scripts:
        text = f"The builder oci runs nothing, so not {plan.scripts[0].source} either."
        raise SettingError(text, source=plan.scripts[0].source, hint=hint)
    if plan.system_packages:
        raise SettingError(
            f"The builder oci installs no system packages ({', '.join(plan.system_packages)}).",
            key="system_packages",
            hint=f"{hint} Or name a base that has them with --base-image.",
        )


def _check_base(plan: ImagePlan, base: Base) -> None:
    if base.found.python != plan.python:
        raise SettingError(
            f"The base image {base.where} has Python {base.found.python}, and the project was built for {plan.python}.",
            key="base_image",
            hint=f"Build with --python {base.found.python}, or choose a base with Python {plan.python}.",
        )


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """A layer that was made before."""

    blob: Descriptor
    diff_id: str


class _Builder:
    """The layers of one image, each made unless it is there."""

    def __init__(self, plan: ImagePlan, base: Base, folder: Path, blobs: Blobs, progress: Progress) -> None:
        self.plan = plan
        self.found = base.found
        self.folder = folder
        self.blobs = blobs
        self.progress = progress

    def layers(self) -> list[Layer]:
        """All of them, the lowest first: what changes least comes first."""
        plan = self.plan
        about = (FORMAT, plan.python, packages.target_of(plan, self.found), self.found.executable)
        compiler = packages.interpreter_for(plan).version
        found = [
            self.one(
                "server",
                ("server", *about, compiler, plan.server.path, plan.server.lock, _tree_digest(plan.hotplate, plan)),
                lambda: packages.environment(plan, plan.server, self.found, self.folder, self.certificates()),
            )
        ]
        project = plan.project
        if project is not None:
            local = _tree_digest(plan.files, None) if plan.local else ""
            found.append(
                self.one(
                    "packages",
                    ("project", *about, compiler, project.path, project.lock, plan.server.path, local),
                    lambda: packages.environment(plan, project, self.found, self.folder),
                )
            )
        found.append(self.write("project", self.files()))
        return found

    def one(self, name: str, facts: tuple[Any, ...], make: Callable[[], Layer]) -> Layer:
        """A layer that is kept under what it is made from."""
        if self.plan.certificates is not None:
            facts = (*facts, hashlib.sha256(self.plan.certificates.read_bytes()).hexdigest())
        key = hashlib.sha256(msgspec.json.encode(facts)).hexdigest()
        kept = self.folder / "layers" / f"{key}.json"
        try:
            known = msgspec.json.decode(kept.read_bytes(), type=_Known)
            if self.blobs.has(known.blob):
                self.progress("layer", f"{name}: {_about(known.blob)}, there already")
                return Layer(known.blob, known.diff_id)
        except (FileNotFoundError, msgspec.DecodeError):
            pass
        self.progress("layer", f"{name}: installing its packages")
        made = make()
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(kept, msgspec.json.encode(_Known(blob=made.blob, diff_id=made.diff_id)))
        self.progress("layer", f"{name}: {_about(made.blob)}")
        return made

    def write(self, name: str, items: Iterable[Item]) -> Layer:
        """A layer that is made each time."""
        made = layers.write(items, self.blobs)
        self.progress("layer", f"{name}: {_about(made.blob)}")
        return made

    def certificates(self) -> list[Item]:
        """Authorities of this machine's that the image is to trust."""
        if self.plan.certificates is None:
            return []
        return [layers.text(_CERTIFICATES, self.plan.certificates.read_bytes())]

    def files(self) -> Iterable[Item]:
        """The project: its files, what to serve of them, and the folders that it may write to."""
        yield layers.text(places.RECORD, self.plan.record)
        yield from layers.tree(self.plan.files, places.FILES, places.is_cache)
        for path in (places.HOME, places.VOLUME):
            yield layers.folder(path, self.plan.user_id)


def _configuration(plan: ImagePlan, base: Base, made: list[Layer]) -> dict[str, Any]:
    """The base's configuration with what is ours."""
    ours: dict[str, Any] = dict(base.raw.get("config") or {})
    settings = base.configuration.settings
    variables: dict[str, str] = {}
    for each in settings.env or ():
        name, _, value = each.partition("=")
        variables[name] = value
    if plan.certificates is not None:
        variables |= dict.fromkeys(_TRUST, _CERTIFICATES)
    variables |= plan.variables
    for key in ("Cmd", "OnBuild", "ArgsEscaped", "Image", "Hostname", "Domainname"):
        ours.pop(key, None)
    ours |= {
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "Entrypoint": list(plan.entry_point),
        "WorkingDir": places.FILES,
        "User": f"{plan.user_id}:{plan.user_id}",
        "ExposedPorts": {**(settings.exposed_ports or {}), f"{plan.port}/tcp": {}},
        "Labels": {**(settings.labels or {}), **plan.labels},
        "Healthcheck": {
            "Test": ["CMD", *plan.health_check],
            "Interval": 10 * _SECOND_NS,
            "Timeout": 6 * _SECOND_NS,
            "StartPeriod": 900 * _SECOND_NS,
        },
        "StopSignal": "SIGTERM",
    }
    rootfs = base.configuration.rootfs
    history = [{"created": EPOCH, "created_by": "hotplate build", "comment": "hotplate"} for _ in made]
    kept = {key: value for key, value in base.raw.items() if key in ("architecture", "os", "variant", "os.version")}
    return {
        **kept,
        "created": EPOCH,
        "config": ours,
        "rootfs": {"type": "layers", "diff_ids": [*rootfs.diff_ids, *(layer.diff_id for layer in made)]},
        "history": [*(base.configuration.history or []), *history],
    }


def _tree_digest(root: Path, plan: ImagePlan | None) -> str:
    """What a folder holds: names, modes and contents; of Hotplate's own, what goes into an image."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        left_out = places.is_left_out(inside) if plan is not None else places.is_cache(inside)
        if left_out or not path.is_file():
            continue
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(msgspec.json.encode([str(inside), path.stat().st_mode & 0o100, content]))
    return digest.hexdigest()


def _about(blob: Descriptor) -> str:
    return f"{blob.digest[7:19]}, {blob.size / 1e6:.1f} MB"
