"""Opens registries with the login that fits: the registry credential that is named, else docker's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.config.file_reader import ProjectFile
    from hotplate.deployment.home import Home
    from hotplate.images.reference import Reference
    from hotplate.images.registry import Registry
    from hotplate.images.registry_auth import Login


class Options(Protocol):
    """A parser, or a group of its options."""

    def add_argument(self, *names: str, metavar: str, default: str, help: str) -> object:  # noqa: A002 - argparse's own name
        """Add an option."""
        ...


def add_login(group: Options) -> None:
    """The option that names a login."""
    group.add_argument(
        "--regcred",
        metavar="NAME",
        default="",
        help="Registry credential to log in with; else `registry_credential` of the project file, else docker's login",
    )


class Access:
    """Logins for this run, and what the project opens to redirects."""

    def __init__(self, home: Home, file: ProjectFile | None, named: str = "") -> None:
        from hotplate.config.resolve import resolve
        from hotplate.media.addresses import opening_list

        self._home = home
        self._named = named or (str(file.deploy.get("registry_credential") or "") if file is not None else "")
        self._asked = bool(named)
        self._allow = opening_list(resolve(environ=os.environ, file=file).settings.fetch_allow)

    def open(self, reference: Reference) -> Registry:
        """The registry of an image. Raises SettingError when a credential is named that is not there."""
        from hotplate.images.registry import Registry

        return Registry(reference.host, self.login(reference.registry), allow=self._allow)

    def login(self, registry: str, *, own_alone: bool = False) -> Login:
        """The login for a registry: a credential is sent to the registry that it is for, and to no other. `own_alone`:
        not docker's, which an engine finds by itself."""
        from hotplate.images.logins import find_login
        from hotplate.images.registry_auth import NOBODY, Login

        if self._named:
            from hotplate.control.registry_credentials import read_login

            host, username, token = read_login(self._home, self._named)
            if host == registry:
                return Login(username, token, "", f"the registry credential {self._named}")
        return NOBODY if own_alone else find_login(registry)

    def check(self, registry: str) -> None:
        """Raise SettingError when a credential was asked for on the command line that is for another registry."""
        from hotplate.control.registry_credentials import read_login

        if self._asked and (host := read_login(self._home, self._named)[0]) != registry:
            raise SettingError(
                f"The registry credential {self._named} is for {host}, and the image goes to {registry}.",
                key="regcred",
                source="--regcred",
            )
