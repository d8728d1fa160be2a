"""Celery: the application, and tasks of a few lines that call plain functions."""
