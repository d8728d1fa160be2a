"""What ships and is not code of the service: the demo shop and how it is drawn."""
