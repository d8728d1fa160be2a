"""python -m assets.draw [pictures] [segments] [small] [live]: redraws the demo shop; without a word, all of it."""

import sys

from assets.draw import film, live, pictures

PARTS = {
    "pictures": pictures.write,
    "segments": film.write_segments,
    "small": film.write_small,
    "live": live.write,
}
ALL = ["pictures", "segments", "live"]

if __name__ == "__main__":
    wanted = sys.argv[1:] or ALL
    for part in wanted:
        if part not in PARTS:
            sys.exit(f"unknown part {part!r}; there are {', '.join(PARTS)}")
        print(f"drawing {part}", flush=True)
        PARTS[part]()
