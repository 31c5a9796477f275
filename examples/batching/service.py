"""Calls that arrive together are answered together, as models on a GPU like it. A bad one fails alone.

hotplate run
curl localhost:8080/infer -H 'content-type: application/json' -d '{"text": "Hotplate"}'
"""

import math

from hotplate import Service, batch
from hotplate.errors import UserError


class EmbeddingService(Service):
    """Turns a text into a vector: how often each letter is in it, scaled to length one."""

    @batch(max_size=32, max_wait_ms=5)
    def infer(self, text: list[str]) -> list[list[float]]:
        """Embed a batch. A caller sends one text and gets one vector."""
        print(f"A batch of {len(text)}")
        return [embed(one) for one in text]


def embed(text: str) -> list[float] | UserError:
    """Give 26 numbers, or what is wrong with the text: an error in a result's place is that caller's answer alone."""
    counts = [text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"]
    length = math.hypot(*counts)
    if not length:
        return UserError("The text has no letter from a to z.")
    return [count / length for count in counts]
