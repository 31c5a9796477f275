"""`hotplate up`: holds the listening sockets and keeps server and control running. It knows nothing of endpoints."""
