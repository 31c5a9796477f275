"""What is made of uv's words."""

from __future__ import annotations

from hotplate.build.uv import explain


def test_a_flag_that_is_advised_is_told_as_the_variable_that_can_be_set() -> None:
    said = (
        "error: Failed to fetch: `https://pypi.org/simple/a/`\n  cause: invalid peer certificate: UnknownIssuer\n"
        "hint: Consider enabling use of system TLS certificates with the `--system-certs` command-line flag\n"
    )
    assert explain(said).splitlines() == [
        "Failed to fetch: `https://pypi.org/simple/a/`",
        "invalid peer certificate: UnknownIssuer",
        "hint: Consider enabling use of system TLS certificates with UV_SYSTEM_CERTS=true in the environment",
    ]
