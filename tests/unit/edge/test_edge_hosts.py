"""Which hosts a server answers to: those of this machine, those that are named, and with a star those below a name."""

from __future__ import annotations

import pytest

from hotplate.edge.head import HeadRules, Rejection, parse_head


def answers(host: str, *allowed: str) -> bool:
    rules = HeadRules(hosts=frozenset(allowed))
    for _ in range(2):  # the second time the host is known
        try:
            parse_head(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), rules)
        except Rejection as error:
            assert error.status == 421
            return False
    return True


@pytest.mark.parametrize("host", ["a.example.com", "A.Example.com:8080", "a.b.example.com", "a.example.com."])
def test_a_star_is_every_name_below(host: str) -> None:
    assert answers(host, "*.example.com")
    assert not answers(host, "*.example.org", "example.com")


@pytest.mark.parametrize("host", ["example.com", "badexample.com", "a.example.com.evil.org", "com", ".com"])
def test_a_star_is_not_the_name_itself_and_no_other(host: str) -> None:
    assert not answers(host, "*.example.com")


def test_this_machine_is_always_let_in() -> None:
    assert answers("127.0.0.1:8080", "*.example.com") and answers("hello.localhost", "x")
    assert answers("named.example.com", "named.example.com")
