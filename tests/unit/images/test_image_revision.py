"""An image is read without being run, believed in nothing but its record, and kept by what it is."""

from __future__ import annotations

import msgspec
import pytest

from hotplate.build import store
from hotplate.contract import Contract
from hotplate.deployment.home import Home
from hotplate.deployment.records import Revision
from hotplate.engine.engine import Engine
from hotplate.engine.names import revision_tag
from hotplate.errors import EngineRefused, SettingError
from hotplate.images.image_revision import fetch, have, keep
from hotplate.images.registry_auth import NOBODY, Login

IMAGE = "ghcr.io/ann/hello"
DIGEST = f"sha256:{'d' * 64}"
RECORD = Revision(
    digest="a" * 64,
    root="/opt/project/files",
    python="/opt/hotplate/env/bin/python",
    dialect="service",
    entry="service:Hello",
    environment="e" * 64,
    contract=Contract(dialect="service", entry="service:Hello"),
)
_SCRIPT = """\
#!/bin/sh
echo "$@" >> {folder}/said
case "$1 $2" in
  cp*) {copy} ;;
  "image inspect")
    case "$4" in *RepoDigests*) echo ubuntu@{other}; echo {image}@{digest} ;; *) echo sha256:1234 ;; esac ;;
  pull*) cat "$DOCKER_CONFIG/config.json" > {folder}/login 2>/dev/null; exit 0 ;;
esac
"""


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.make()
    return home


@pytest.fixture
def engine(tmp_path):
    (tmp_path / "record").write_bytes(msgspec.json.encode(RECORD))

    def make(copy: str = f'cp {tmp_path}/record "$3"'):
        path = tmp_path / "docker"
        other = f"sha256:{'0' * 64}"
        path.write_text(_SCRIPT.format(folder=tmp_path, copy=copy, image=IMAGE, digest=DIGEST, other=other))
        path.chmod(0o755)
        return Engine(kind="docker", program=str(path), version="1")

    return make


def nobody(_registry: str) -> Login:
    return NOBODY


def silent(_step: str, _text: str) -> None:
    pass


def test_the_same_image_is_the_same_revision_with_its_places_as_they_are(engine, home, tmp_path):
    found = keep(home, engine(), f"{IMAGE}@{DIGEST}")
    assert found == keep(home, engine(), f"{IMAGE}@{DIGEST}") == store.find(home, found.digest)
    assert (found.image, found.root, found.python) == (f"{IMAGE}@{DIGEST}", RECORD.root, RECORD.python)
    assert found.digest != RECORD.digest, "the project's own revision may be here as well"
    said = (tmp_path / "said").read_text().splitlines()
    assert f"tag sha256:1234 {revision_tag(found.digest)}" in said
    assert not [line for line in said if line.startswith(("run", "start", "exec"))]
    assert sum(line.startswith("create") for line in said) == sum(line.startswith("rm --force") for line in said)


@pytest.mark.parametrize(
    "copy",
    [
        'ln -s RECORD "$3"',  # a record of this machine's, outside the image
        'mkdir "$3"',
        'echo "{}" > "$3"',
        "exit 1",
        'echo "[[[" > "$3"',
    ],
)
def test_an_image_with_no_readable_record_is_none_of_ours(engine, home, tmp_path, copy):
    with pytest.raises(SettingError, match="none that Hotplate built"):
        keep(home, engine(copy.replace("RECORD", str(tmp_path / "record"))), IMAGE)
    assert not list(home.revisions.glob("[0-9a-f]*"))


def test_a_name_with_a_registry_is_pulled_with_its_login_and_kept_by_its_digest(engine, tmp_path):
    asked: list[str] = []

    def login(registry: str) -> Login:
        asked.append(registry)
        return Login("ann", "canary", "", "a test")

    assert fetch(engine(), f"{IMAGE}:v1", login, silent) == f"{IMAGE}@{DIGEST}"
    assert asked == ["ghcr.io"]
    assert '"ghcr.io"' in (tmp_path / "login").read_text()
    assert "canary" not in (tmp_path / "said").read_text()
    assert fetch(engine(), f"{IMAGE}@{DIGEST}", nobody, silent) == f"{IMAGE}@{DIGEST}"


def test_a_name_without_one_is_the_engines_own(engine, tmp_path):
    assert fetch(engine(), "hello:v1", nobody, silent) == "sha256:1234"
    assert "pull" not in (tmp_path / "said").read_text()


def test_an_image_that_was_taken_away_is_pulled_again_where_it_has_a_name(engine, home, tmp_path):
    revision = keep(home, engine(), f"{IMAGE}@{DIGEST}")
    have(engine(), revision, nobody, silent)
    assert f"pull {IMAGE}@{DIGEST}" in (tmp_path / "said").read_text()
    other = Home(tmp_path / "other")
    other.make()
    own = keep(other, engine(), "sha256:1234")
    with pytest.raises(EngineRefused, match="Deploy it again"):
        have(engine(), own, nobody, silent)
