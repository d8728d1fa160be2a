"""Static files under addresses that change with their content, and the import map over them."""

import hashlib
import json
import mimetypes
from functools import cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
VENDOR = STATIC / "vendor"
# Bare names under which the pages' modules import third-party ones.
VENDOR_MODULES = {
    "tus-js-client": "vendor/tus.js",
    "preact": "vendor/preact.js",
    "preact/hooks": "vendor/preact-hooks.js",
    "htm": "vendor/htm.js",
    "@preact/signals": "vendor/signals.js",
    "@preact/signals-core": "vendor/signals-core.js",
    "hls.js/light": "vendor/hls.js",
}

# A bare machine has no /etc/mime.types, and a module with the wrong type is not run.
for extension, kind in {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".vtt": "text/vtt",
    ".mp4": "video/mp4",
}.items():
    mimetypes.add_type(kind, extension)


@cache
def static_url(name: str) -> str:
    """Return the address of a file below static/, with the hash of its content; a missing file is an error."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@cache
def import_map(messages_url: str) -> str:
    """Return the JSON import map: third-party modules by name, ours as `vitrine/<path below js/>`, the texts."""
    ours = {f"vitrine/{path.relative_to(STATIC / 'js').as_posix()}": path for path in (STATIC / "js").rglob("*.js")}
    imports = {name: static_url(file) for name, file in VENDOR_MODULES.items()}
    imports |= {name: static_url(path.relative_to(STATIC).as_posix()) for name, path in sorted(ours.items())}
    imports["vitrine/messages"] = messages_url
    return json.dumps({"imports": imports}, separators=(",", ":"))


class HashedStaticFiles(StaticFiles):
    """Serves static/ ; what is asked for with its hash may be kept for a year."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve one file and say how long it may be kept."""
        response = await super().get_response(path, scope)
        fresh = "public, max-age=31536000, immutable" if b"v=" in scope["query_string"] else "no-cache"
        response.headers["Cache-Control"] = fresh
        return response
