"""Stands in for inferless 0.2.15 where that is not installed: the marks of app.py, and `call`.

`request` and `response` leave a class as it is: Hotplate reads what it declares from its text. `config` exports its
defaults as environment variables. The marks of remote runs leave functions plain, as they are outside of those.
"""

from __future__ import annotations

from _hotplate_shims import real_package_takes_over

if not real_package_takes_over(__name__):
    from inferless._calling import call, call_async
    from inferless._marks import Cls, config, local_entry_point, method, request, response

    __version__ = "0.2.15"  # of the interface, for code that looks
    __all__ = ["Cls", "call", "call_async", "config", "local_entry_point", "method", "request", "response"]
