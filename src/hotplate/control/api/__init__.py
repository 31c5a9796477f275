"""The REST API: a table of routes, each with the scope that it needs, and one way from a request to an answer."""
