"""Keeps pytest from taking the page's own test_request.py for a test."""

collect_ignore_glob = ["*"]
