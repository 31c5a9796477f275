"""What the first start of an installation makes: its folders, the key for secrets, the admin token."""

from __future__ import annotations

from hotplate.deployment import sealed, tokens
from hotplate.deployment.home import Home, write_whole


def make_installation(home: Home) -> bool:
    """Make what is missing. Gives whether the admin token is new.

    The token stands in a file that its owner alone can read; control makes a record of its hash when it starts.
    """
    home.make()
    sealed.make_key(home.key)
    if home.admin_token.exists():
        return False
    write_whole(home.admin_token, f"{tokens.make().text}\n".encode())
    return True
