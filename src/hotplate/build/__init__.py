"""Builds revisions: a project's files, its environment and its contract, content-addressed and immutable.

Called by the command line, and by control as `python -m hotplate.build`; never on the way of a call.
"""
