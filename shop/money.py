"""Money: an amount in minor units with its currency."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Money:
    """An amount in minor units (cents) of an ISO 4217 currency."""

    amount: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        """Add an amount of the same currency."""
        assert self.currency == other.currency, f"{self.currency} and {other.currency} do not add up"
        return Money(self.amount + other.amount, self.currency)

    def __mul__(self, times: int) -> "Money":
        """Multiply by a number of pieces."""
        return Money(self.amount * times, self.currency)

    def json(self) -> dict[str, Any]:
        """Return the form of the public interface."""
        return {"amount": self.amount, "currency": self.currency}
