"""Publishes what the database says as the snapshot that the server reads. To do it twice changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock

import msgspec
from msgspec import structs

from hotplate.control.database import Database, Row
from hotplate.control.ledger import record_event
from hotplate.control.server_link import poke
from hotplate.control.settings import EndpointSettings
from hotplate.deployment import snapshot as snapshots
from hotplate.deployment.hardware import find_hardware
from hotplate.deployment.home import Home
from hotplate.deployment.names import is_digest
from hotplate.deployment.records import EndpointSpec, Hardware, Revision, Share, Snapshot, TokenSpec
from hotplate.errors import NotFound, PlatformError, UserError

Traffic = tuple[Share, ...]

MISSING = "What was served before is served on; where that has gone too, calls get 503. Deploy the project again."

traffic_decoder = msgspec.json.Decoder(tuple[Share, ...])
settings_decoder = msgspec.json.Decoder(EndpointSettings)


class Publisher:
    """Writes snapshots, one after another, and says so to the server."""

    def __init__(self, home: Home, database: Database) -> None:
        self._home = home
        self._database = database
        self._lock = Lock()
        self._told: set[str] = set()
        self.pending = False
        """A change is in the database and not in the snapshot: the disk was full, or this process is just at it."""
        self.missing: dict[str, tuple[str, ...]] = {}
        """Revisions that endpoints are to serve and this home does not have, with those endpoints' names."""

    def publish(self) -> int:
        """Publish the database as it is now and give the snapshot's number. An unchanged one is not written again."""
        with self._lock:
            self.pending = True
            before = self._before()
            endpoints, tokens = self._read({spec.name: spec for spec in before.endpoints} if before else {})
            if before is not None and (before.endpoints, before.tokens) == (endpoints, tokens):
                self.pending = False
                return before.number
            number = self._next_number(before.number if before else 0)
            snapshots.write(self._home.snapshot, Snapshot(number=number, endpoints=endpoints, tokens=tokens))
            self.pending = False
        poke(self._home.server_socket)
        return number

    def _before(self) -> Snapshot | None:
        try:
            return snapshots.read(self._home.snapshot)
        except PlatformError:  # damaged, or of another format: written anew
            return None

    def _next_number(self, published: int) -> int:
        with self._database.transaction():
            row = self._database.row("SELECT value FROM meta WHERE key = 'snapshot'")
            number = max(published, row[0] if row else 0) + 1
            self._database.run(
                "INSERT INTO meta VALUES ('snapshot', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (number,),
            )
        return number

    def _read(self, before: Mapping[str, EndpointSpec]) -> tuple[tuple[EndpointSpec, ...], tuple[TokenSpec, ...]]:
        self.missing = {}
        with self._database.transaction():
            secrets = {row["key"]: row["sealed"] for row in self._database.rows("SELECT key, sealed FROM secrets")}
            rows = self._database.rows("SELECT * FROM endpoints ORDER BY name")
            specs = [spec for row in rows if (spec := self._spec(row, secrets, before)) is not None]
            tokens = self._database.rows("SELECT * FROM tokens WHERE revoked_at IS NULL ORDER BY id")
        return tuple(specs), tuple(
            TokenSpec(
                id=row["id"],
                hash=row["hash"],
                scopes=tuple(msgspec.json.decode(row["scopes"])),
                endpoints=tuple(msgspec.json.decode(row["endpoints"])),
                expires_at=row["expires_at"],
                rate_per_s=row["rate_per_s"],
                concurrency=row["concurrency"],
            )
            for row in tokens
        )

    def _spec(self, row: Row, secrets: Mapping[str, str], before: Mapping[str, EndpointSpec]) -> EndpointSpec | None:
        """An endpoint that was never deployed is not served."""
        name = row["name"]
        traffic = traffic_decoder.decode(row["traffic"])
        fallback = traffic_decoder.decode(row["fallback"] or "[]")
        settings = settings_decoder.decode(row["settings"])
        generation = row["generation"]
        revisions = self._revisions(name, [share.revision for share in (*traffic, *fallback)])
        known = {revision.digest for revision in revisions}
        if not traffic:
            return None
        if not known.issuperset(share.revision for share in traffic):
            # Until its files are here: what was served before, of a generation that is no answer to anybody's rollout.
            generation, revisions, traffic = self._meanwhile(before.get(name))
        return EndpointSpec(
            name=name,
            generation=generation,
            revisions=revisions,
            traffic=traffic,
            scaling=settings.scaling(),
            hardware=self._hardware(name, settings, before),
            public=settings.visibility == "public",
            paused=settings.endpoint_state == "disabled",
            env=settings.env_overrides,
            secrets={key: secrets[key] for key in settings.container_secrets if key in secrets},
            volume=settings.volume,
            limits=settings.limits,
            abort_error_rate=settings.abort_error_rate,
            target=settings.target,
        )

    def _meanwhile(self, before: EndpointSpec | None) -> tuple[int, tuple[Revision, ...], Traffic]:
        """What an endpoint is served with while this home lacks the files of what it is to be served with."""
        if before is not None:
            digests = {share.revision for share in before.traffic}
            if all((self._home.revisions / digest / "revision.json").is_file() for digest in digests):
                return before.generation, before.revisions, before.traffic
        return 0, (), ()

    def _hardware(self, name: str, settings: EndpointSettings, before: Mapping[str, EndpointSpec]) -> Hardware:
        """What a profile stands for. One that is gone from hardware.yaml goes on meaning what it meant."""
        try:
            return find_hardware(settings.instance_type, self._home)  # not to be sought for each of hundreds
        except UserError as error:
            self._tell(name, "hardware_unknown", error.message)
            return before[name].hardware if name in before else Hardware(profile=settings.instance_type)

    def _tell(self, name: str, kind: str, text: str) -> None:
        """An event, once for each text."""
        if text not in self._told:
            self._told.add(text)
            record_event(self._database, name, kind, text, level="warning")

    def _revisions(self, name: str, digests: Iterable[str]) -> tuple[Revision, ...]:
        """One endpoint whose files were taken away must not keep the others from being served."""
        found: list[Revision] = []
        for digest in dict.fromkeys(digests):
            try:
                found.append(read_revision(self._home, digest))
            except (NotFound, PlatformError) as error:
                if self._database.shared and isinstance(error, NotFound):  # `sharing.py` fetches it
                    self.missing[digest] = (*self.missing.get(digest, ()), name)
                else:
                    self._tell(name, "revision_missing", f"{error.message} {MISSING}")
        return tuple(found)


def read_revision(home: Home, digest: str) -> Revision:
    """Read a built revision.

    Raises:
        NotFound: there is no such revision on this machine.
        PlatformError: its record cannot be read.
    """
    path = home.revisions / digest / "revision.json"
    if not is_digest(digest) or not path.is_file():
        raise NotFound(f"There is no revision {digest[:60]!r} on this machine. `hotplate build` makes one.")
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, home.environments)


@lru_cache(maxsize=1024)
def _read(path: Path, _mtime_ns: int, environments: Path) -> Revision:
    """Where it lies and its interpreter are filled in anew, as the build's store does: the home may have been moved."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Revision)
        if found.image:  # both are places in the image
            return found
        python = found.python if Path(found.python).is_file() else sys.executable
        if found.environment:
            python = str(environments / found.environment / "bin" / "python")
        return structs.replace(found, root=str(path.parent / "files"), python=python)
    except (msgspec.DecodeError, msgspec.ValidationError, OSError) as error:
        raise PlatformError(f"The revision in {path.parent.name} cannot be read: {error}") from error


def endpoint_settings(database: Database) -> list[tuple[str, EndpointSettings]]:
    """Every endpoint's name and settings, by name."""
    rows = database.rows("SELECT name, settings FROM endpoints ORDER BY name")
    return [(row["name"], settings_decoder.decode(row["settings"])) for row in rows]
