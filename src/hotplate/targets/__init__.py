"""Where replicas run that are not on this machine: one module for each target, one Protocol for all (`base.py`).

A target finds a place for a replica, runs `hotplate serve --replica` there, and tells when it is gone. How many there
are to be, and which call goes to which, stays with the server, which reaches each replica by HTTP
(`server/remote.py`). Only `targets/X.py` imports X's client library.
"""
