"""An answer that goes out piece by piece, as server-sent events, while it is being made.

hotplate run
curl -N localhost:8080/infer -H 'content-type: application/json' -d '{"prompt": "to be or not to be"}'
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from itertools import pairwise

from hotplate import Service

TEXT = """to be or not to be that is the question whether tis nobler in the mind to suffer the slings and arrows
of outrageous fortune or to take arms against a sea of troubles and by opposing end them to die to sleep no more and by
a sleep to say we end the heart ache and the thousand natural shocks that flesh is heir to"""


class NextWordService(Service):
    """Continues a prompt with the smallest of language models: which word most often follows which."""

    def setup(self):
        """Count the pairs of words."""
        words = TEXT.split()
        self.after = defaultdict(Counter)
        for word, following in pairwise(words):
            self.after[word][following] += 1

    async def infer(self, prompt: str, words: int = 8, pause_s: float = 0.0) -> AsyncIterator[str]:
        """Give word after word. Many calls share the thread: while one waits, the others go on."""
        word = (prompt.split() or ["to"])[-1]
        for _ in range(words):
            if not self.after[word]:
                return
            word, _ = self.after[word].most_common(1)[0]
            yield word
            await asyncio.sleep(pause_s)
