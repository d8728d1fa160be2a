"""One file a product: how it looks, and what it does in its demonstration."""
