"""Logs in to a cluster as a kubeconfig says: token, certificate, password, or the program that gives one of them.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from hotplate.errors import MissingExtra, SettingError
from hotplate.targets.kubernetes.kubeconfig import Access, refuse_login

EXEC_S = 60.0
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


class Login:
    """The header and the certificate for one cluster. A program is asked once, and again when it was refused."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._given: dict[str, Any] | None = None
        if access.user.get("auth-provider"):
            raise SettingError(
                "The kubeconfig logs in with an `auth-provider`, which Kubernetes has given up.",
                key="context",
                hint="Make it anew with your provider's tool: it will have an `exec` entry.",
            )

    @property
    def changes(self) -> bool:
        """Whether asking again may give another login."""
        return "exec" in self._access.user or "tokenFile" in self._access.user

    def forget(self) -> None:
        """Ask anew next time."""
        self._given = None

    def header(self) -> dict[str, str]:
        """What goes with each request."""
        user = self._access.user
        if user.get("token"):
            return {"Authorization": f"Bearer {user['token']}"}
        if user.get("tokenFile"):
            try:
                return {"Authorization": f"Bearer {Path(user['tokenFile']).read_text('utf-8').strip()}"}
            except OSError as error:
                raise refuse_login(f"The token in {user['tokenFile']} cannot be read: {error.strerror}.") from None
        if user.get("username"):
            pair = f"{user['username']}:{user.get('password') or ''}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        token = self._asked().get("token") if user.get("exec") else None
        return {"Authorization": f"Bearer {token}"} if token else {}

    def context(self) -> ssl.SSLContext:
        """What the connection believes, and shows."""
        access = self._access
        made = ssl.create_default_context()
        if access.insecure:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        elif access.authorities:
            made = ssl.create_default_context(cadata=access.authorities.decode("ascii", "replace"))
        certificate, key = self._certificate()
        if certificate and key:
            with tempfile.TemporaryDirectory(prefix="hotplate-login-") as folder:  # private, as mkdtemp makes it
                path = Path(folder, "login.pem")
                path.touch(mode=0o600)
                path.write_bytes(certificate + b"\n" + key)
                try:
                    made.load_cert_chain(path)
                except ssl.SSLError as error:
                    raise refuse_login(f"The certificate to log in with cannot be read: {error.reason}.") from None
        return made

    def _certificate(self) -> tuple[bytes, bytes]:
        user = self._access.user
        if user.get("client-certificate-data"):
            return user["client-certificate-data"], user.get("client-key-data", b"")
        if not user.get("exec"):
            return b"", b""
        given = self._asked()
        return str(given.get("clientCertificateData") or "").encode(), str(given.get("clientKeyData") or "").encode()

    def _asked(self) -> dict[str, Any]:
        if self._given is None:
            self._given = _ask(cast("Mapping[str, Any]", self._access.user["exec"]), self._access)
        return self._given


def _ask(plugin: Mapping[str, Any], access: Access) -> dict[str, Any]:
    """Run the program of an `exec` entry, and give the status of its ExecCredential."""
    command, version = str(plugin.get("command") or ""), str(plugin.get("apiVersion") or "")
    if version not in _EXEC_VERSIONS:
        raise SettingError(
            f"The kubeconfig's `exec` is of a version that is not known: {version[:60]!a}.", key="context"
        )
    cluster = {"server": access.server, "insecure-skip-tls-verify": access.insecure}
    asked = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False, "cluster": cluster}}
    variables = {str(each.get("name")): str(each.get("value")) for each in plugin.get("env") or ()}
    environ = {**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(asked)}
    words = [command, *(str(word) for word in plugin.get("args") or ())]
    try:
        done = subprocess.run(
            words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=EXEC_S, check=False
        )
    except FileNotFoundError:
        hint = str(plugin.get("installHint") or "").strip()
        raise MissingExtra(
            f"The kubeconfig logs in with the program {command[:200]}, which is not installed.", hint=hint or None
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise refuse_login(f"The program {command[:200]}, which logs in, failed: {error}.") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise refuse_login(f"The program {command[:200]}, which logs in, ended with {done.returncode}: {said}.")
    try:
        status: Any = json.loads(done.stdout)["status"]
    except (ValueError, KeyError, TypeError):
        raise refuse_login(f"The program {command[:200]}, which logs in, gave no ExecCredential.") from None
    return cast("dict[str, Any]", status) if isinstance(status, dict) else {}
