"""Taste as a Bayesian linear model over what things are like: what is known, and how surely.

Ridge regression in its sufficient statistics (Bishop, Pattern Recognition and Machine Learning, 3.3): a sum over
observations, so that each one's part in a prediction is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass
class Linear:
    """`precision` (d x d) starts as the prior's, `moment` (d) as nothing; each observation adds to both."""

    precision: Floats
    moment: Floats

    @classmethod
    def prior(cls, dimensions: int, strength: float) -> Linear:
        """Return what is believed before anything was seen: no taste, as sure as `strength` observations."""
        return cls(np.eye(dimensions) * strength, np.zeros(dimensions))

    def observe(self, features: Floats, rewards: Floats, weights: Floats | float = 1.0) -> None:
        """Add observations: a row of `features` (n x d) for each of the `rewards`, counted `weights` times each."""
        weighed = features.T * weights
        self.precision += weighed @ features
        self.moment += weighed @ rewards

    def weights(self) -> Floats:
        """Return the expected weight of each feature."""
        return np.asarray(np.linalg.solve(self.precision, self.moment), dtype=np.float64)

    def uncertainty(self, features: Floats) -> Floats:
        """Return the standard deviation of the prediction for each row, in units of the noise."""
        solved = np.linalg.solve(self.precision, features.T)
        return np.asarray(np.sqrt(np.maximum(0.0, np.einsum("ij,ji->i", features, solved))), dtype=np.float64)
