"""A picture that somebody uploads for a product: looked at before it is decoded, then drawn anew."""

import io
import threading
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from storage.errors import UserError

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_BYTES = 8 * 1024 * 1024
# A telephone's 48 megapixels; decoded, each takes four bytes.
MOST_PIXELS = 50_000_000
LONGEST_SIDE = 1200
# Decoded, one picture may be 200 MB: they take turns.
_one_at_a_time = threading.Lock()


def redraw(data: bytes, target: Path) -> None:
    """Write the picture as WebP of at most 1200 pixels a side to `target`, without what else the file held.

    Raises UserError with what is wrong with it.
    """
    if len(data) > MOST_BYTES:
        raise UserError(
            "picture-large", "Choose a picture of at most {most} MB.", field="picture", most=MOST_BYTES // 1024**2
        )
    try:
        with _one_at_a_time, warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            # Pillow warns of what the next line refuses.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            if picture.width * picture.height > MOST_PIXELS:
                raise _too_many_pixels()
            picture.draft("RGB", (LONGEST_SIDE * 2, LONGEST_SIDE * 2))
            ImageOps.exif_transpose(picture, in_place=True)
            picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
            kind = "RGBA" if picture.has_transparency_data else "RGB"
            picture.convert(kind).save(target, "WEBP", quality=84, method=4)
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except Exception as error:  # hostile bytes raise anything
        raise UserError(
            "picture-broken", "This picture cannot be read. Choose a JPEG, PNG or WebP file.", field="picture"
        ) from error


def _too_many_pixels() -> UserError:
    return UserError(
        "picture-pixels",
        "This picture has too many pixels. At most {most} megapixels are taken.",
        field="picture",
        most=MOST_PIXELS // 1_000_000,
    )
