from __future__ import annotations

import base64
import json
import os

import pytest

from hotplate.errors import SettingError
from hotplate.images.logins import find_login
from hotplate.images.registry_auth import NOBODY, Login


@pytest.fixture
def docker(tmp_path):
    """Writes docker's file, and gives the variables that lead to it."""

    def write(document: object) -> dict[str, str]:
        text = document if isinstance(document, str) else json.dumps(document)
        (tmp_path / "config.json").write_text(text)
        return {"DOCKER_CONFIG": str(tmp_path)}

    return write


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """Makes a credential helper that knows one registry."""

    def make(name: str, registry: str, answer: str, status: int = 0) -> None:
        path = tmp_path / f"docker-credential-{name}"
        script = f'#!/bin/sh\nread -r asked\nif [ "$1 $asked" = "get {registry}" ]; then\n'
        path.write_text(
            f"{script}cat <<'END'\n{answer}\nEND\nexit {status}\nfi\n"
            "echo credentials not found in native keychain\nexit 1\n"
        )
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return make


def auth(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_login_in_the_file(docker):
    given = docker({"auths": {"ghcr.io": {"auth": auth("ann:a:b")}, "https://old.example/v1/": {"auth": auth("o:p")}}})
    assert find_login("ghcr.io", given)[:2] == ("ann", "a:b")
    assert find_login("old.example", given)[:2] == ("o", "p")
    assert find_login("other.example", given) == NOBODY
    assert "a:b" not in repr(find_login("ghcr.io", given))


def test_docker_hub_has_a_name_of_its_own(docker):
    given = docker({"auths": {"https://index.docker.io/v1/": {"auth": auth("ann:x")}}})
    assert find_login("docker.io", given).username == "ann"
    assert find_login("quay.io", given) == NOBODY


def test_an_identity_token(docker):
    given = docker({"auths": {"x.azurecr.io": {"auth": auth("0000:"), "identitytoken": "t0k"}}})
    assert (find_login("x.azurecr.io", given).identity, find_login("x.azurecr.io", given).password) == ("t0k", "")


def test_no_file_and_an_empty_one(docker, tmp_path):
    assert find_login("ghcr.io", {"HOME": str(tmp_path / "nobody")}) == NOBODY
    assert find_login("ghcr.io", docker({})) == NOBODY
    assert find_login("ghcr.io", docker({"auths": {"ghcr.io": {}}})) == NOBODY
    assert find_login("ghcr.io", docker([])) == NOBODY


def test_a_helper_is_asked(docker, helper):
    helper("one", "ghcr.io", '{"Username": "ann", "Secret": "s3cret"}')
    given = docker({"credHelpers": {"ghcr.io": "one"}})
    assert find_login("ghcr.io", given) == Login("ann", "s3cret", "", "docker-credential-one")
    store = docker({"credsStore": "one", "auths": {"quay.io": {"auth": auth("q:w")}}})
    assert find_login("ghcr.io", store).password == "s3cret"
    assert find_login("quay.io", store)[:2] == ("q", "w")  # the helper knows it not; the file does


def test_a_helper_gives_an_identity_token(docker, helper):
    helper("one", "ghcr.io", '{"Username": "<token>", "Secret": "t0k"}')
    assert find_login("ghcr.io", docker({"credHelpers": {"ghcr.io": "one"}})).identity == "t0k"


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("{", "not JSON"),
        ({"auths": {"ghcr.io": {"auth": "%%%"}}}, "damaged"),
        ({"credHelpers": {"ghcr.io": "not-there-at-all"}}, "no program"),
        ({"credHelpers": {"ghcr.io": "../../bin/sh"}}, "names no credential helper"),
    ],
)
def test_what_cannot_be_used_is_said(docker, document, text):
    with pytest.raises(SettingError, match=text):
        find_login("ghcr.io", docker(document))


@pytest.mark.parametrize(("answer", "status", "text"), [("boom\x1b[0m", 3, "fails"), ("{}", 0, "gives no login")])
def test_a_helper_that_fails_is_said(docker, helper, answer, status, text):
    helper("one", "ghcr.io", answer, status)
    with pytest.raises(SettingError, match=text) as error:
        find_login("ghcr.io", docker({"credHelpers": {"ghcr.io": "one"}}))
    assert "\x1b" not in error.value.message
