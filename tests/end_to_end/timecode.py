"""Pictures that carry their number, for the fake camera of Chromium, and how a page reads it back."""

import io
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 640, 360
BITS = 12
CELL = 48
TOP = 120
# Chromium plays a file of JPEGs at this rate and begins again at its end.
RATE = 30
FRAMES = 600

# A page's own view of it: every new number in a <video> with the wall clock, as `window.seen`.
WATCH = """selector => {
  const video = document.querySelector(selector);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [%(width)d, %(height)d];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  window.seen = [];
  // A camera's own page says when a picture was taken; a viewer's, when it has been drawn and read.
  const look = (now, frame) => {
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const row = context.getImageData(0, %(middle)d, canvas.width, 1).data;
    let number = 0;
    for (let bit = 0; bit < %(bits)d; bit++) {
      const light = row[4 * Math.floor((bit + 0.5) * %(cell)d)];
      number = number * 2 + (light > 128 ? 1 : 0);
    }
    window.seen.push([number, performance.timeOrigin + (frame.captureTime ?? performance.now())]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
}""" % {"width": WIDTH, "height": HEIGHT, "middle": TOP + CELL // 2, "bits": BITS, "cell": CELL}  # noqa: UP031


def write_camera(path: Path) -> Path:
    """Write the file of the fake camera: each picture shows its number as a row of light and dark cells."""
    with path.open("wb") as file:
        for number in range(FRAMES):
            picture = Image.new("RGB", (WIDTH, HEIGHT), (70, 40, 90))
            draw = ImageDraw.Draw(picture)
            for bit in range(BITS):
                light = number >> (BITS - 1 - bit) & 1
                draw.rectangle(
                    (bit * CELL, TOP, bit * CELL + CELL - 1, TOP + CELL - 1), (255,) * 3 if light else (0,) * 3
                )
            # Something that moves, so that there is something to encode.
            at = number * 7 % WIDTH
            draw.ellipse((at - 40, 220, at + 40, 300), (240, 160, 60))
            encoded = io.BytesIO()
            picture.save(encoded, "JPEG", quality=90)
            file.write(encoded.getvalue())
    return path


def delays(published: list[list[float]], played: list[list[float]]) -> list[float]:
    """Return how many milliseconds after the camera's own page the viewer's page showed each picture."""
    found = []
    for number, at in played:
        earlier = [then for same, then in published if same == number and then <= at]
        if earlier and at - earlier[-1] < 10_000:
            found.append(at - earlier[-1])
    return found
