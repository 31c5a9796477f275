"""How long what has ended is kept."""

from __future__ import annotations

import msgspec

DAY_S = 86_400.0


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds for results, for the rows of ended jobs, and for Idempotency-Keys."""

    results_s: float = DAY_S
    rows_s: float = 7 * DAY_S
    keys_s: float = DAY_S
