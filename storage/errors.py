"""Errors that a person or a program outside must hear; web turns them into RFC 9457 problems in one place."""

from typing import Any


class UserError(Exception):
    """A request that cannot be done, with a sentence that says what to do about it.

    `code` is the stable last part of the problem's `type`; `message` is an English msgid whose `{placeholders}`
    are filled from `extra` after translation; `extra` also goes into the problem document.
    """

    status = 422

    def __init__(self, code: str, message: str, *, status: int | None = None, **extra: Any) -> None:
        super().__init__(message.format(**extra) if extra else message)
        self.code = code
        self.message = message
        self.extra = extra
        if status is not None:
            self.status = status


class Unauthorized(UserError):
    """Nobody is signed in where somebody must be."""

    status = 401


class Forbidden(UserError):
    """The person is known and may not do this."""

    status = 403


class NotFound(UserError):
    """There is no such object, or it is somebody else's."""

    status = 404


class Conflict(UserError):
    """The state of the object does not allow this now."""

    status = 409


class TooMany(UserError):
    """A rate limit is used up; `retry_after` is in whole seconds."""

    status = 429

    def __init__(self, code: str, message: str, *, retry_after: int, **extra: Any) -> None:
        super().__init__(code, message, retry_after=retry_after, **extra)
        self.retry_after = retry_after


class Unavailable(UserError):
    """A part that this needs is not there for the moment; `retry_after` is in whole seconds."""

    status = 503

    def __init__(self, code: str, message: str, *, retry_after: int, **extra: Any) -> None:
        super().__init__(code, message, retry_after=retry_after, **extra)
        self.retry_after = retry_after
