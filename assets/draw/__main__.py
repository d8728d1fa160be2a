"""python -m assets.draw [pictures] [segments] [live]: redraws the demo shop; without a word, all of it."""

import sys

from assets.draw import film, live, pictures

PARTS = {"pictures": pictures.write, "segments": film.write_segments, "live": live.write}

if __name__ == "__main__":
    wanted = sys.argv[1:] or list(PARTS)
    for part in wanted:
        if part not in PARTS:
            sys.exit(f"unknown part {part!r}; there are {', '.join(PARTS)}")
        print(f"drawing {part}", flush=True)
        PARTS[part]()
