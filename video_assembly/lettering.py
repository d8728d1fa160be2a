"""Writing on pictures, in the pages' typeface: captions, product cards and labels as small images with transparency."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).parent.parent / "web" / "static" / "vendor" / "inter-latin.woff2"
"""Inter, as scripts/install puts it there; FreeType reads WOFF2 and varies the weight."""
REGULAR, BOLD = 500, 700
ELLIPSIS = "…"

# The pages' own colours: web/static/css/tokens.css
INK, INK_SOFT, PAPER, ACCENT, WHITE = "#1b1722", "#5c5566", "#faf8f5", "#b3124f", "#ffffff"
SHADE = (20, 14, 28, 200)

Face = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=32)
def face(size: int, weight: int = REGULAR) -> Face:
    """The typeface at a size in pixels; Pillow's own where the pages' files are not installed."""
    if not FONT.is_file():
        return ImageFont.load_default(size)
    found = ImageFont.truetype(str(FONT), size)
    found.set_variation_by_axes([weight])
    return found


def can_write(text: str) -> bool:
    """Tell whether the typeface has every letter: a name in empty boxes is worse than none."""
    letters = face(32)
    missing = letters.getmask("\uffff")
    blank = (bytes(missing), missing.size)
    return all(
        letter.isspace() or (bytes(mask), mask.size) != blank
        for letter in set(text)
        for mask in (letters.getmask(letter),)
    )


def wrapped(text: str, letters: Face, width: float, most: int) -> list[str]:
    """Break a text into at most `most` lines of `width` pixels; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and letters.getlength(longer) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    lines = [line for line in lines if line] or [""]
    kept = lines[:most]
    if len(lines) > most:
        kept[-1] += ELLIPSIS
    return [_cut(line, letters, width) for line in kept]


def caption(text: str, width: int) -> Image.Image:
    """A cue of captions: up to three centred lines, white on a dark plate (contrast above 12:1)."""
    size = max(14, width // 19)
    letters, margin = face(size, BOLD), size // 2
    lines = wrapped(text, letters, width - 2 * margin, 3)
    high = round(size * 1.3)
    broad = round(max(letters.getlength(line) for line in lines)) + 2 * margin
    plate = Image.new("RGBA", (_even(broad), _even(high * len(lines) + margin)), (0, 0, 0, 0))
    pen = ImageDraw.Draw(plate)
    pen.rounded_rectangle((0, 0, plate.width - 1, plate.height - 1), size // 3, fill=SHADE)
    for number, line in enumerate(lines):
        middle = (plate.width / 2, margin / 2 + high * (number + 0.5))
        pen.text(middle, line, font=letters, fill=WHITE, anchor="mm")
    return plate


def card(title: str, price: str, note: str, width: int) -> Image.Image:
    """A product's card: its title on up to two lines, its price, and since when that holds."""
    size = max(14, width // 20)
    inner, gap = face(size, BOLD), size // 2
    lines = wrapped(title, inner, width - 4 * gap, 2)
    line, price_size, note_size = round(size * 1.25), round(size * 1.6), round(size * 0.72)
    high = 3 * gap + line * len(lines) + round(price_size * 1.2) + (round(note_size * 1.4) if note else 0)
    plate = Image.new("RGBA", (_even(width), _even(high)), (0, 0, 0, 0))
    pen = ImageDraw.Draw(plate)
    pen.rounded_rectangle((0, 0, plate.width - 1, plate.height - 1), size // 1.5, fill=PAPER)
    pen.rounded_rectangle((0, 0, gap, plate.height - 1), gap // 2, fill=ACCENT)
    at = gap + gap // 2
    for each in lines:
        pen.text((2 * gap, at), each, font=inner, fill=INK)
        at += line
    pen.text((2 * gap, at), price, font=face(price_size, BOLD), fill=ACCENT)
    at += round(price_size * 1.3)
    if note:
        pen.text((2 * gap, at), _cut(note, face(note_size), width - 4 * gap), font=face(note_size), fill=INK_SOFT)
    return plate


def label(text: str, width: int) -> Image.Image:
    """A short remark for a corner of the picture."""
    size = max(12, width // 30)
    letters, margin = face(size, BOLD), size // 2
    broad = round(letters.getlength(text)) + 2 * margin
    plate = Image.new("RGBA", (_even(broad), _even(size * 2)), (0, 0, 0, 0))
    pen = ImageDraw.Draw(plate)
    pen.rounded_rectangle((0, 0, plate.width - 1, plate.height - 1), size, fill=SHADE)
    pen.text((plate.width / 2, plate.height / 2), text, font=letters, fill=WHITE, anchor="mm")
    return plate


def heading(text: str, width: int, size: int, most: int, weight: int = BOLD) -> Image.Image:
    """Centred white lines without a plate, smaller where a single word would not fit."""
    longest = max(text.split() or [""], key=len)
    while size > 24 and face(size, weight).getlength(longest if most > 1 else text) > width:
        size -= 2
    letters = face(size, weight)
    lines = wrapped(text, letters, width, most)
    high = round(size * 1.2)
    plate = Image.new("RGBA", (_even(width), _even(high * len(lines))), (0, 0, 0, 0))
    pen = ImageDraw.Draw(plate)
    for number, line in enumerate(lines):
        pen.text((plate.width / 2, high * (number + 0.5)), line, font=letters, fill=WHITE, anchor="mm")
    return plate


def _cut(line: str, letters: Face, width: float) -> str:
    if letters.getlength(line) <= width:
        return line
    while line and letters.getlength(line + ELLIPSIS) > width:
        line = line[:-1]
    return line.rstrip(ELLIPSIS + " ") + ELLIPSIS


def _even(length: int) -> int:
    return length + length % 2
