"""Functions for routes, as on proxiML: what callers may send stands in hotplate.yaml.

hotplate run examples/routes
curl -s localhost:8080/predict -H 'content-type: application/json' -d '{"text": "to be or not to be"}'
curl -s 'localhost:8080/count?word=be&text=to+be+or+not+to+be'
"""

from __future__ import annotations

from collections import Counter
from typing import Any

print("This runs once in each worker: load the model here.")


def predict(text: str, most: int, ignored: list[str]) -> dict[str, Any]:
    """Count the words of a text."""
    words = [word for word in text.lower().split() if word not in ignored]
    return {"words": len(words), "most": Counter(words).most_common(most)}


def count(*, word: str, text: str) -> int:
    """Say how often a text has a word."""
    return text.lower().split().count(word.lower())
