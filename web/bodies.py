"""Bodies of requests: JSON read once, checked by a model, every mistake named with its field."""

import json
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from storage.errors import UserError

M = TypeVar("M", bound=BaseModel)


class UnsupportedBody(UserError):
    """The body is of another kind than this address takes."""

    status = 415


async def read_json(request: Request, model: type[M]) -> M:
    """Read the body as JSON into `model`.

    Raises UnsupportedBody when it says that it is something else, UserError `invalid` with the first wrong field.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    # sendBeacon can only send plain text without a preflight
    if kind not in ("application/json", "text/plain", ""):
        raise UnsupportedBody("not-json", "Send JSON here.")
    try:
        content = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError) as error:
        raise UserError("not-json", "This is not valid JSON.", status=400) from error
    return checked(model, content)


def checked(model: type[M], content: object) -> M:
    """Check what came from outside against `model`; raises UserError `invalid` naming the first wrong field."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UserError(
            "invalid", "The field “{field}” is not as it should be: {why}", field=field, why=first["msg"]
        ) from error
