"""The one place where an error becomes a response: RFC 9457 problems for programs, a page for people."""

import logging
from http import HTTPStatus
from http.client import responses
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from livestream.errors import LiveError
from storage.errors import NotFound, UserError
from web.i18n import locale_of, translate
from web.pages import render

log = logging.getLogger(__name__)

# Title and sentence of what Starlette itself raises.
SENTENCES = {
    400: "This request cannot be read.",
    401: "Sign in first.",
    403: "You may not do this.",
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
    413: "This is larger than what may be sent here.",
    415: "This kind of content is not taken here.",
    500: "Something went wrong here. It has been noted; try again.",
}


class ProblemResponse(JSONResponse):
    """A JSON body with the media type of RFC 9457."""

    media_type = "application/problem+json"


def wants_page(request: Request) -> bool:
    """Tell whether a person with a browser asked, for whom the error is a page."""
    if request.url.path.startswith(("/v1/", "/v/", "/media/")):
        return False
    return "text/html" in request.headers.get("accept", "")


def problem(request: Request, status: int, code: str, message: str, extra: dict[str, Any] | None = None) -> Response:
    """Build the response: `type` is stable, `detail` is a sentence in the language of the request."""
    extra = extra or {}
    locale = locale_of(request)
    try:
        detail = translate(locale, message, **extra)
    except (KeyError, IndexError, ValueError):
        detail = translate(locale, message)
    headers = {"Retry-After": str(extra["retry_after"])} if "retry_after" in extra else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if wants_page(request):
        page = render(request, "error.html", status_code=status, status=status, detail=detail, code=code)
        page.headers.update(headers)
        return page
    body = {
        "type": f"/problems/{code}",
        "title": responses.get(status, detail),
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        **{key: value for key, value in extra.items() if key not in ("type", "title", "status", "detail")},
    }
    return ProblemResponse(body, status, headers)


def on_user_error(request: Request, error: Exception) -> Response:
    """Answer an error that the caller must hear."""
    assert isinstance(error, UserError)
    return problem(request, error.status, error.code, error.message, error.extra)


def on_livestream_error(request: Request, error: Exception) -> Response:
    """Answer an error of the media process."""
    assert isinstance(error, LiveError)
    extra = {"retry_after": error.retry_after} if error.retry_after else {}
    return problem(request, error.status, error.code, error.message, extra)


def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what Starlette raised: unknown address, wrong method, body too large."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    response = problem(request, error.status_code, code, SENTENCES.get(error.status_code, str(error.detail)))
    response.headers.update(error.headers or {})
    return response


def on_bug(request: Request, error: Exception) -> Response:
    """Answer an error of ours without showing its inside."""
    log.error("unhandled error at %s", request.url.path, exc_info=error)
    return problem(request, 500, "internal", SENTENCES[500])


def not_found(request: Request) -> Response:
    """Answer an unknown address."""
    return on_user_error(request, NotFound("not-found", SENTENCES[404]))


HANDLERS: dict[Any, Any] = {
    UserError: on_user_error,
    LiveError: on_livestream_error,
    HTTPException: on_http_error,
    Exception: on_bug,
}
