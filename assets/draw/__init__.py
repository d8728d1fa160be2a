"""Draws the demo shop: pictures, segments, sound and the simulated live show; see assets/demo/README.md."""
