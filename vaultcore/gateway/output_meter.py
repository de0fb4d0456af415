"""Notices that a provider ignores the maximum of output tokens: its stream is then cut off.

A complete response within its maximum must never be cut off. The meter therefore computes a lower bound of
the tokens: no tokenizer joins two words to one token, apart from contractions. English has about 0.75
words per token. With a third more for tokenizers that do join words, a stream of English text ends at about
1.7 times its maximum, one of Chinese text at about 2.5 times.
"""

from __future__ import annotations

from vaultcore.first_use import lazy_pattern
from vaultcore.routing.stream_joiner import StreamJoiner

MARGIN = 1.3  # counted tokens per token of the maximum
SLACK = 32  # tokens
BATCH = 2_048  # characters that are counted together: about 0.03 ms
CHARACTERS_PER_TOKEN = 64  # of anything, at most; longer runs of blanks or marks are rare
# The longest token of scripts without spaces, of letters, of digits. Marks may belong to a word's token.
LONGEST_TOKEN = lazy_pattern(
    r"[\u2e80-\ua4cf]{1,4}|[\u0e00-\u0eff]{1,8}|[A-Za-z\u0080-\U0010ffff]{1,16}|[0-9]{1,3}"
)


class OutputMeter:
    """Counts the output of one stream. `limit` is in tokens of all choices; None: no limit."""

    def __init__(self, limit: int | None) -> None:
        self.has_limit = limit is not None
        self._most = None if limit is None else limit * MARGIN + SLACK
        self._batch = min(BATCH, max(limit or 0, SLACK))
        self._texts = self._length = self._tokens = 0  # counted so far

    def is_exceeded(self, joiner: StreamJoiner) -> bool:
        """Return True if the output is longer than its limit, by a margin."""
        if self._most is None or joiner.length - self._length < self._batch:
            return False
        text = "".join(joiner.texts[self._texts :])
        self._texts, self._length = len(joiner.texts), joiner.length
        self._tokens += least_tokens(text)
        return self._tokens > self._most


def least_tokens(text: str) -> int:
    """Return a lower bound of the tokens of a text, for any tokenizer."""
    return max(len(LONGEST_TOKEN.findall(text)), len(text) // CHARACTERS_PER_TOKEN)
