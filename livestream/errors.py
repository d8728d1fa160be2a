"""What a publisher, a viewer or the web process must hear; the web maps each to an HTTP response."""


class LiveError(Exception):
    """A call to the media process that was refused.

    `status` is the HTTP status that fits, `code` is stable for programs, `message` is an English sentence for
    people, `retry_after` is in whole seconds and None where trying again does not help.
    """

    status = 422
    code = "refused"
    message = "The request was refused."
    retry_after: int | None = None

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message


class OfferRefused(LiveError):
    """The SDP offer cannot be answered: 413 when it is too large, 422 otherwise."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class NobodyPublishes(LiveError):
    """There is nothing to play in this room yet."""

    status = 409
    code = "nobody-publishes"
    message = "Nobody is live in this room yet. Try again in a moment."
    retry_after = 2


class AlreadyPublished(LiveError):
    """Somebody is live in this room already."""

    status = 409
    code = "already-published"
    message = "Somebody is already live in this room. End that stream first."


class Full(LiveError):
    """The process holds as many connections as it may."""

    status = 503
    code = "full"
    message = "This server cannot take more live connections at the moment. Try again soon."
    retry_after = 10


class WatchedElsewhere(LiveError):
    """This viewer's place was given to newer connections of the same person."""

    status = 403
    code = "watched-elsewhere"
    message = "You are watching in two other windows. Close one of them, then load this page again."


class MediaProcessGone(LiveError):
    """The media process does not answer."""

    status = 503
    code = "media-process-gone"
    message = "Live video is restarting. Try again in a few seconds."
    retry_after = 3


#: Errors without arguments, by code, so that a client can raise what the process refused with.
BY_CODE: dict[str, type[LiveError]] = {
    error.code: error for error in (NobodyPublishes, AlreadyPublished, Full, WatchedElsewhere, MediaProcessGone)
}
