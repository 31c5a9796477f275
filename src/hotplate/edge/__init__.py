"""The HTTP/1.1 edge: parses, limits and answers. It knows nothing of models; the server gives it a handler."""
