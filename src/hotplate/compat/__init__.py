"""Import shims for code written for other systems.

`install` puts them last on `sys.path`, so that a real installed package of the same name wins.
"""

from __future__ import annotations

import os
import sys

SHIMS = os.path.join(os.path.dirname(__file__), "shims")  # noqa: PTH118, PTH120


def install() -> None:
    """Let `import octoai` and the like succeed where the real package is not installed. Safe to call again.

    Called in a worker before the project is imported, and in a client's process by its own scripts.
    """
    if SHIMS in sys.path:
        sys.path.remove(SHIMS)
    sys.path.append(SHIMS)
