"""Copy the named third-party files from node_modules to web/static/vendor and build the icon sprite.

The face detector's model goes beside the code that reads it, where its package is installed.

`npm ci` has checked each package against the hashes of package-lock.json before this runs.
"""

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "web" / "static" / "vendor"

FILES = {
    "preact.js": "preact/dist/preact.mjs",
    "preact-hooks.js": "preact/hooks/dist/hooks.mjs",
    "htm.js": "htm/dist/htm.module.js",
    "signals.js": "@preact/signals/dist/signals.mjs",
    "signals-core.js": "@preact/signals-core/dist/signals-core.mjs",
    # Light: without captions, protection and separate sound, which our playlists do not have.
    "hls.js": "hls.js/dist/hls.light.min.mjs",
    "tus.js": "tus-js-client/dist/tus.min.js",
    "inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
}
MODEL = MODULES / "@mediapipe" / "face_detection" / "face_detection_short_range.tflite"
MODELS = ROOT / "video_assembly" / "models"
# This one is written for a script tag: it puts its name on the window.
EXPORTS = {"tus.js": "\nexport const { Upload, defaultOptions } = globalThis.tus;\n"}
ICONS = """
    arrow-down arrow-left arrow-right arrow-up bell camera camera-off captions check chevron-down chevron-left
    chevron-right chevron-up circle-alert circle-check circle-help circle-x clapperboard clock copy download ellipsis
    eye eye-off film flag flask-conical gauge heart heart-off image info keyboard languages layout-grid library link
    list loader-circle log-out maximize message-circle mic mic-off minus monitor package pause pencil pin pin-off play
    plus qr-code radio refresh-cw rotate-ccw search send settings share-2 shopping-bag shopping-cart sliders-horizontal
    sparkles square star store tag thumbs-down trash-2 triangle-alert truck upload user users video video-off volume-2
    volume-x wifi wifi-off x
""".split()


def sprite() -> str:
    """Return one SVG file with a symbol for each icon, so that a page loads them all at once."""
    symbols = []
    for name in ICONS:
        drawing = (MODULES / "lucide-static" / "icons" / f"{name}.svg").read_text()
        inside = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)
        assert inside, f"{name} is no drawing"
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(inside[1].split())}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def main() -> None:
    """Write web/static/vendor anew."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for target, source in FILES.items():
        text = MODULES / source
        if target.endswith(".js"):
            # The maps stay behind: they would be asked for and are not there.
            code = re.sub(r"\n?//# sourceMappingURL=.*", "", text.read_text())
            (VENDOR / target).write_text(code + EXPORTS.get(target, ""))
        else:
            shutil.copyfile(text, VENDOR / target)
    (VENDOR / "icons.svg").write_text(sprite())
    shutil.rmtree(MODELS, ignore_errors=True)
    if MODEL.is_file():
        MODELS.mkdir()
        shutil.copyfile(MODEL, MODELS / MODEL.name)
    sys.stdout.write(f"{len(FILES)} files and {len(ICONS)} icons are in {VENDOR.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
