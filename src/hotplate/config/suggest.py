"""Did-you-mean: the known name that a mistyped one most likely stands for."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The name in `known` nearest to `word`, or None when nothing is near. `-` and `_` count as the same."""
    from difflib import get_close_matches

    plain = {name.replace("-", "_").lower(): name for name in known}
    found = get_close_matches(word.replace("-", "_").lower(), plain, n=1, cutoff=cutoff)
    return plain[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The sentence to show under an unknown name, or None when nothing is near."""
    name = closest(word, known)
    return f"Did you mean `{name}`?" if name else None
