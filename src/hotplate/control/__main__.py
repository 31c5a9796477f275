"""`python -m hotplate.control`: the control process, as the supervisor starts it. Reads HOTPLATE_HOME."""

from __future__ import annotations

from hotplate.control.process import main

if __name__ == "__main__":
    raise SystemExit(main())
