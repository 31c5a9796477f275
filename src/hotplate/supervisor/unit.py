"""A systemd unit for `hotplate up`.

`Delegate` gives it a control group of its own to divide, which is how replicas are held to their processors and memory.
"""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

from hotplate.deployment.home import VARIABLE, Home

TEXT = """\
# Written by `hotplate up --print-unit`. As root: save it as /etc/systemd/system/hotplate.service, then
#   systemctl daemon-reload && systemctl enable --now hotplate
[Unit]
Description=Hotplate, a server of model endpoints
After=network.target

[Service]
User={user}
Environment={home_setting}
ExecStart={command}
Restart=on-failure
KillMode=mixed
TimeoutStopSec=90
LimitNOFILE=65536
Delegate=yes
NoNewPrivileges=yes
{private_tmp}

[Install]
WantedBy=multi-user.target
"""


def unit(home: Home, words: list[str]) -> str:
    """The unit's text, for the user and the home of this moment."""
    command = " ".join(quote(word) for word in (sys.executable, "-m", "hotplate.cli", "up", *words))
    user = pwd.getpwuid(os.getuid()).pw_name
    return TEXT.format(
        user=user,
        home_setting=quote(f"{VARIABLE}={home.root}").replace("$$", "$"),
        command=command,
        private_tmp=f"PrivateTmp={'no' if _is_temporary(home.root) or _is_temporary(Path(sys.prefix)) else 'yes'}",
    )


def _is_temporary(folder: Path) -> bool:
    """Whether a folder lies where PrivateTmp would put an empty one in its place."""
    return any(folder.resolve().is_relative_to(Path(place)) for place in ("/tmp", "/var/tmp"))  # noqa: S108


def quote(word: str) -> str:
    """A word as systemd reads it (systemd.service(5), systemd.syntax(7)): no unit line can be made of it."""
    clean = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    clean = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in clean)
    return f'"{clean}"' if clean != word or " " in word or not word else word
