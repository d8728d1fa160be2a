"""Clips in, personal videos out: plain functions without a queue and without HTTP."""
