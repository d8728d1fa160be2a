"""Structured logs: a line for a person or an object for a collector, with the request's id and without secrets."""

import logging
import re
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# What looks like one of our tokens or a credential in a URL is never written.
SECRET = re.compile(r"(vit_|Bearer\s+|://[^:/@\s]*:)[A-Za-z0-9_\-]{6,}")


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace tokens in every text of a log entry."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = SECRET.sub(r"\1***", value)
    return event


def drop_color_message(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Leave out uvicorn's second copy of each message."""
    event.pop("color_message", None)
    return event


def configure(part: str, level: str, form: Literal["text", "json"]) -> None:
    """Send the standard library's and structlog's entries of this process to stderr in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        drop_color_message,
    ]
    last: list[Processor] = (
        [structlog.processors.format_exc_info, hide_secrets, structlog.processors.JSONRenderer()]
        if form == "json"
        else [structlog.processors.format_exc_info, hide_secrets, structlog.dev.ConsoleRenderer(colors=False)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # They say at "info" what our own entries say once, or every five seconds that all is well.
    noisy_ones = ("uvicorn.access", "aioice", "aiortc", "alembic", "celery.worker.strategy", "celery.app.trace")
    for noisy in (*noisy_ones, "celery.beat"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared[:3],
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(part=part)
