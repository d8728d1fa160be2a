"""Line charts as SVG, drawn here: one chart is not worth a plotting library."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 400, 70, 40, 20, 60
#: Told apart by people who see no red or no green, too (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
Points = Sequence[tuple[float, float]]


def nice(most: float) -> tuple[float, int]:
    """A step of 1, 2 or 5 times a power of ten and how many of them reach `most`."""
    step = 1.0
    while step * 8 < most:
        step *= 2.5 if f"{step:g}".startswith("2") else 2
    return step, max(1, int(-(-most // step)))


def lines(path: Path, title: str, across: str, up: str, series: dict[str, Points]) -> None:
    """Draw each named series of (x, y) from zero."""
    step_x, count_x = nice(max((x for points in series.values() for x, _ in points), default=1))
    step_y, count_y = nice(max((y for points in series.values() for _, y in points), default=1))
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(x: float, y: float) -> str:
        return f"{LEFT + x / (step_x * count_x) * width:.1f},{TOP + height - y / (step_y * count_y) * height:.1f}"

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" ']
    out[0] += f'font-size="13" role="img" aria-label="{escape(title)}">'
    out.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><text x="{LEFT}" y="22">{escape(title)}</text>')
    for index in range(count_y + 1):
        x, y = place(0, index * step_y).split(",")
        out.append(f'<path d="M{x},{y}h{width}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{index * step_y:g}</text>')
    for index in range(count_x + 1):
        x, y = place(index * step_x, 0).split(",")
        out.append(f'<text x="{x}" y="{float(y) + 20:.1f}" text-anchor="middle">{index * step_x:g}</text>')
    out.append(f'<text x="{LEFT + width / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(across)}</text>')
    middle = TOP + height / 2
    out.append(f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">{escape(up)}</text>')
    for index, (name, points) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        corners = " ".join(place(x, y) for x, y in points)
        out.append(f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for corner in corners.split():
            x, y = corner.split(",")
            out.append(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>')
        out.append(f'<text x="{LEFT + 12 + 120 * index}" y="{TOP + 6}" fill="{colour}">{escape(name)}</text>')
    path.write_text("\n".join([*out, "</svg>"]) + "\n")
