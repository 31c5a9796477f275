"""The control process: endpoints, revisions, tokens, secrets, volumes, events and logs, behind a REST API.

It says what shall be served, in one snapshot (`deployment/snapshot.py`), and is never on the way of a call: the
server goes on with the last snapshot while this process is away.
"""
