"""Starlette: where everything meets."""
