"""The questions of `init`, asked with arrow keys. Imported only when there is somebody to ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import questionary

Check = Callable[[str], str | None]
"""Says what is wrong with an answer, or None."""

NO_MORE = "None/No more"


def choose(question: str, options: Sequence[tuple[str, str]], default: str | None = None) -> str:
    """One of the options, each (value, description), picked with the arrow keys."""
    width = max(len(value) for value, _ in options)
    choices = [questionary.Choice(title=f"{value:<{width}}  {text}".rstrip(), value=value) for value, text in options]
    return _ask(questionary.select(question, choices=choices, default=default, instruction="(Use arrow keys)"))


def write(question: str, default: str = "", check: Check | None = None) -> str:
    """A line of text. It is asked again until it passes the check.

    The default shows where nothing is typed, and is the answer then: who types another need not delete it first.
    """

    def validate(text: str) -> bool | str:
        return (check(text.strip() or default) if check else None) or True

    shown = [("class:instruction", default)]
    return _ask(questionary.text(question, validate=validate, placeholder=shown)).strip() or default


def gather(question: str, adding: str, item: str, check: Check) -> list[str]:
    """Any number of texts, one after another, until "None/No more"."""
    found: list[str] = []
    while choose(question, [(NO_MORE, ""), (adding, "")]) != NO_MORE:
        found.append(write(item, check=check))
    return found


def _ask(question: Any) -> str:
    answer = question.unsafe_ask()  # lets Ctrl-C through as KeyboardInterrupt
    if answer is None:
        raise KeyboardInterrupt
    return str(answer)
