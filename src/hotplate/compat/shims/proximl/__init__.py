"""Stands in for proximl 1.0.2 where that is not installed: `ProxiML().jobs` with endpoints on this machine.

A deploy script of proxiML's runs as it is. An endpoint outlives the script, as a job there did: it is deployed to this
machine's `hotplate up`, which is started where it does not run. Nothing leaves this machine, and no credentials are
needed.
"""

from __future__ import annotations

from _hotplate_shims import real_package_takes_over

if not real_package_takes_over(__name__):
    from proximl.proximl import ProxiML

    __version__ = "1.0.2"  # of the interface, for code that looks
    __all__ = ["ProxiML"]
