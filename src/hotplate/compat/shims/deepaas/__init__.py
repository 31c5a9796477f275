"""Stands in for deepaas 2.6.0 where that is not installed: what models import, and nothing of its server."""

from __future__ import annotations

from _hotplate_shims import real_package_takes_over

if not real_package_takes_over(__name__):
    __version__ = "2.6.0"  # of the interface, for code that looks
