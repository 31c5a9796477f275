"""The dashboard: pages below /ui, written by the server, over the same functions of control as the REST API.

A page is a template and a function that gives its values (`pages/`). Blocks of a template whose names begin with
`live_` are sent again when they change. Whoever signs in with a token sees and does what that token may.
"""
