"""What control can be asked, written once for the sync and the async client: method, path and body of each operation.

Answers are what the API answers (its OpenAPI document at /api/v1/docs), as dicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode


class Operations:
    """What control can be asked. Each gives the decoded answer, or for the async shell something to await.

    Raises:
        ConnectionFailed: control does not run, or not there.
        NotAuthorized: the token is wrong, or does not have the scope.
        InputRefused, StatusError: the API refused; `detail` says why.
    """

    def _ask(self, method: str, path: str, given: Any = None) -> Any:
        raise NotImplementedError

    def _ask_raw(self, method: str, path: str, data: Any = None) -> Any:
        raise NotImplementedError

    def _ask_upload(self, path: str, data: Any) -> Any:
        raise NotImplementedError

    # Endpoints

    def list_endpoints(self) -> Any:
        """Every endpoint that the token is for."""
        return self._ask("GET", "/endpoints")

    def get_endpoint(self, name: str) -> Any:
        """One endpoint, with its replicas."""
        return self._ask("GET", _endpoint(name))

    def create_endpoint(self, name: str, **settings: Any) -> Any:
        """Make an endpoint; settings are those of the API's `EndpointCreate`."""
        return self._ask("POST", "/endpoints", {"name": name, **settings})

    def update_endpoint(self, name: str, **settings: Any) -> Any:
        """Change settings; None takes one back to its default."""
        return self._ask("PATCH", _endpoint(name), settings)

    def pause_endpoint(self, name: str) -> Any:
        """Stop its replicas and refuse its calls."""
        return self._ask("POST", _endpoint(name, "pause"))

    def start_endpoint(self, name: str) -> Any:
        """End a pause."""
        return self._ask("POST", _endpoint(name, "start"))

    def delete_endpoint(self, name: str) -> Any:
        """Delete an endpoint. Built revisions and volumes stay."""
        return self._ask("DELETE", _endpoint(name))

    # Revisions

    def deploy(
        self,
        name: str,
        revision: str,
        *,
        settings: Mapping[str, Any] | None = None,
        traffic: float = 100.0,
        wait_s: float = 0.0,
    ) -> Any:
        """Deploy a revision that is built on control's machine; the endpoint is created where it is not there.

        Args:
            revision: its digest.
            settings: to change with it.
            traffic: the percentage that it gets; the rest stays where it is.
            wait_s: seconds to wait for the rollout, at most 300. `rollout` in the answer says what came of it.
        """
        given = {"revision": revision, "settings": dict(settings or {}), "traffic": traffic, "wait_s": wait_s}
        return self._ask("POST", _endpoint(name, "deploy"), given)

    def split_traffic(self, name: str, traffic: Mapping[str, float], *, wait_s: float = 0.0) -> Any:
        """Share traffic out: percentages by revision number, digest or `new`."""
        return self._ask("POST", _endpoint(name, "traffic"), {"traffic": dict(traffic), "wait_s": wait_s})

    def rollback(self, name: str, revision: str = "", *, wait_s: float = 0.0) -> Any:
        """Go back to a revision, or to the one that served before."""
        return self._ask("POST", _endpoint(name, "rollback"), {"revision": revision, "wait_s": wait_s})

    def list_revisions(self, name: str) -> Any:
        """An endpoint's revisions, the newest first."""
        return self._ask("GET", _endpoint(name, "revisions"))

    def list_deployments(self, name: str) -> Any:
        """What was deployed when, by whom, and what came of it."""
        return self._ask("GET", _endpoint(name, "deployments"))

    def list_decisions(self, name: str, limit: int = 20) -> Any:
        """The autoscaler's last decisions."""
        return self._ask("GET", with_query(_endpoint(name, "decisions"), limit=limit))

    # Builds

    def start_build(
        self,
        archive: Any,
        *,
        folder: str | None = None,
        name: str | None = None,
        target: Sequence[str] = (),
        option: Sequence[str] = (),
        **how: Any,
    ) -> Any:
        """Send a project to be built on control's machine. The answer has the build's `id`; it goes on behind it.

        Args:
            archive: a `.tar`, `.tar.gz` or `.zip` of the project's folder: bytes, an open file or a `pathlib.Path`.
            folder: what the folder is called, and so the endpoint, where neither `name` nor the project says it.
            name: the endpoint that it is for.
            target: functions to serve, as `model.py:predict`.
            option: `KEY=VALUE` pairs for the dialect.
            how: further parameters of the route, such as `dialect`, `python`, `store_assets`.
        """
        given = {"folder": folder, "name": name, "target": list(target), "option": list(option), **how}
        path = with_query("/builds", **{key: _plain(value) for key, value in given.items() if value or value is False})
        return self._ask_upload(path, archive)

    def get_build(self, build_id: str) -> Any:
        """How far a build is: `state`, `steps`, `revisions` and `error`."""
        return self._ask("GET", f"/builds/{word(build_id)}")

    # Logs and events

    def get_logs(self, name: str, **span: Any) -> Any:
        """Lines of an endpoint's replicas: `begin_time`, `end_time` (RFC 3339), `max_lines`, `replica_id`."""
        return self._ask("GET", with_query(f"/logs/{word(name)}", **span))

    def get_events(self, name: str | None = None, **span: Any) -> Any:
        """What happened, to one endpoint or to all; the span is as for `get_logs`."""
        return self._ask("GET", with_query("/events" if name is None else f"/events/{word(name)}", **span))

    def get_audit(self, limit: int = 100) -> Any:
        """Who changed what, the newest first."""
        return self._ask("GET", with_query("/audit", limit=limit))

    # Tokens

    def create_token(
        self,
        name: str,
        scopes: Sequence[str] = ("invoke",),
        *,
        endpoints: Sequence[str] = (),
        expires_in_s: float | None = None,
        rate_per_s: float | None = None,
        concurrency: int | None = None,
    ) -> Any:
        """Make a token. `token` in the answer is shown this once."""
        limits = {"expires_in_s": expires_in_s, "rate_per_s": rate_per_s, "concurrency": concurrency}
        given = {"name": name, "scopes": list(scopes), "endpoints": list(endpoints)}
        return self._ask("POST", "/tokens", {**given, **{key: value for key, value in limits.items() if value}})

    def list_tokens(self) -> Any:
        """Every token that is not revoked."""
        return self._ask("GET", "/tokens")

    def get_token(self, token_id: str) -> Any:
        """What may be known of one token."""
        return self._ask("GET", f"/tokens/{word(token_id)}")

    def revoke_token(self, token_id: str) -> Any:
        """Revoke a token by its id."""
        return self._ask("DELETE", f"/tokens/{word(token_id)}")

    # Secrets

    def create_secret(self, key: str, value: str) -> Any:
        """Keep a new secret."""
        return self._ask("POST", "/secrets", {"key": key, "value": value})

    def update_secret(self, key: str, value: str) -> Any:
        """Give a secret another value."""
        return self._ask("PUT", f"/secrets/{word(key)}", {"value": value})

    def get_secret(self, key: str) -> Any:
        """What may be known of a secret: never its value."""
        return self._ask("GET", f"/secrets/{word(key)}")

    def list_secrets(self) -> Any:
        """What may be known of every secret."""
        return self._ask("GET", "/secrets")

    def delete_secret(self, key: str) -> Any:
        """Delete a secret that no endpoint lists."""
        return self._ask("DELETE", f"/secrets/{word(key)}")

    # Registry credentials

    def create_registry_credential(self, key: str, username: str, token: str, registry: str = "docker.io") -> Any:
        """Keep a new login to a registry of images."""
        given = {"key": key, "registry": registry, "username": username, "token": token}
        return self._ask("POST", "/registry-credentials", given)

    def update_registry_credential(
        self, key: str, token: str, *, username: str | None = None, registry: str | None = None
    ) -> Any:
        """Give a login another token, and where they are given, another username and registry."""
        given = {"token": token, "username": username, "registry": registry}
        change = {name: value for name, value in given.items() if value is not None}
        return self._ask("PUT", f"/registry-credentials/{word(key)}", change)

    def get_registry_credential(self, key: str) -> Any:
        """What may be known of a login: never its token."""
        return self._ask("GET", f"/registry-credentials/{word(key)}")

    def list_registry_credentials(self) -> Any:
        """What may be known of every login."""
        return self._ask("GET", "/registry-credentials")

    def delete_registry_credential(self, key: str) -> Any:
        """Forget a login."""
        return self._ask("DELETE", f"/registry-credentials/{word(key)}")

    # Volumes

    def create_volume(self, name: str) -> Any:
        """Make an empty volume."""
        return self._ask("POST", "/volumes", {"name": name})

    def list_volumes(self) -> Any:
        """Every volume."""
        return self._ask("GET", "/volumes")

    def get_volume(self, name: str) -> Any:
        """One volume, with the endpoints that name it."""
        return self._ask("GET", f"/volumes/{word(name)}")

    def delete_volume(self, name: str) -> Any:
        """Delete a volume with all that is in it."""
        return self._ask("DELETE", f"/volumes/{word(name)}")

    def list_files(self, volume: str, path: str = "") -> Any:
        """What is in a folder of a volume."""
        return self._ask("GET", with_query(f"/volumes/{word(volume)}/files", path=path))

    def read_file(self, volume: str, path: str) -> Any:
        """A file of a volume, as a RawAnswer: `content` has its bytes, `save(path)` writes it."""
        return self._ask_raw("GET", file_path(volume, path))

    def write_file(self, volume: str, path: str, data: Any) -> Any:
        """Write a file of a volume: `data` is bytes, text, an open file or a `pathlib.Path`, whose file is streamed."""
        return self._ask_raw("PUT", file_path(volume, path), data)

    def remove_file(self, volume: str, path: str, *, recursive: bool = False) -> Any:
        """Remove a file of a volume, or with `recursive` a folder."""
        return self._ask("DELETE", with_query(file_path(volume, path), recursive="true" if recursive else None))

    # The installation

    def get_status(self) -> Any:
        """Whether the server runs, and where."""
        return self._ask("GET", "/status")

    def get_account(self) -> Any:
        """Who the sent token is."""
        return self._ask("GET", "/account")

    def list_instance_types(self) -> Any:
        """Hardware profiles."""
        return self._ask("GET", "/instance-types")


def file_path(volume: str, path: str) -> str:
    """The route of a file in a volume."""
    return with_query(f"/volumes/{word(volume)}/file", path=path)


def _endpoint(name: str, below: str = "") -> str:
    return f"/endpoints/{word(name)}{f'/{below}' if below else ''}"


def word(text: str) -> str:
    """A name as one part of a path: never two, never none."""
    return quote(text, safe="") or "%00"


def with_query(target: str, /, **query: Any) -> str:
    """A path with the parameters that are not None."""
    given = {name: value for name, value in query.items() if value is not None}
    if not given:
        return target
    return f"{target}{'&' if '?' in target else '?'}{urlencode(given, doseq=True)}"


def _plain(value: Any) -> Any:
    """Yes and no, as a query has them."""
    return str(value).lower() if isinstance(value, bool) else value
