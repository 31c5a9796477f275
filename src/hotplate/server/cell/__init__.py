"""`hotplate serve --replica`: one replica of a revision, served to the server of another machine and to nobody else.

It has no queue of its own to speak of, no jobs and no callers: that server decides what runs here (`wire/remote.py`).
"""
