"""What the first start of an installation makes: its folders, the key for secrets, the admin token.

Each later start makes the token anew where its file holds none, as after a careless edit: else nobody could get in.
"""

from __future__ import annotations

from hotplate.deployment import sealed, tokens
from hotplate.deployment.home import Home, write_whole


def make_installation(home: Home) -> bool:
    """Make what is missing. Gives whether the admin token is new.

    The token stands in a file that its owner alone can read; control makes a record of its hash when it starts.
    """
    home.make()
    sealed.make_key(home.key)
    try:
        if tokens.split(home.admin_token.read_text("ascii").strip()) is not None:
            return False
    except (FileNotFoundError, UnicodeDecodeError):
        pass  # none, or none that could be one
    write_whole(home.admin_token, f"{tokens.make().text}\n".encode())
    return True
