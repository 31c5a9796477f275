from __future__ import annotations

from building import site

__all__ = ["site"]
