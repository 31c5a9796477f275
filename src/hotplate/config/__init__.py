"""Settings and project files: what may be configured, where each value came from, and what a wrong one means.

`settings.py` declares every setting once, as data; flags, environment variables, project-file keys, documentation
and `hotplate config explain` all follow from it. Nothing here knows of HTTP, of dialects or of the command line.
"""
