"""Replicas on other machines, as the server sees them: to its pool each is a worker like any other.

`process.py` follows one from its start to its end, `link.py` gives it calls, over connections of `connection.py`. What
goes over the network is HTTP/1.1; its words are in `wire/remote.py`, the other end is in `server/cell/`.
"""
