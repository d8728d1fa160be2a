"""What is sold: catalogue, stock, carts, orders and planned shows."""
