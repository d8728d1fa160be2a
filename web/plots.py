"""Plots as coordinates of an SVG that the page draws: no script, no picture, readable in both colour schemes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from personalization.outcomes import Point

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 28
# No plot is narrower than this either way, so that noise does not look like an effect, nor wider.
LEAST_RANGE, MOST_RANGE = 0.05, 1.0


@dataclass(frozen=True)
class Tick:
    """A line across the plot at `at`, with its label."""

    at: float
    label: str


@dataclass(frozen=True)
class IntervalPlot:
    """An estimate over time with its interval: a polygon and a line in the view box `0 0 width height`."""

    width: int
    height: int
    left: int
    right: int
    band: str
    line: str
    zero: float
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]


def interval_plot(points: Sequence[Point], dates: Sequence[str]) -> IntervalPlot | None:
    """Lay out the relative uplift with its interval; `dates` name the points. None with fewer than two to draw."""
    drawn = [
        (point.at, name, point.uplift.relative, point.uplift.relative_low, point.uplift.relative_high)
        for point, name in zip(points, dates, strict=True)
        if point.uplift.relative is not None and point.uplift.relative_low is not None
    ]
    if len(drawn) < 2:
        return None
    # The newest half decides on the scale: the first days know nothing and would flatten the rest.
    recent = drawn[len(drawn) // 2 :]
    reach = max(max(abs(low or 0), abs(high or 0)) for _, _, _, low, high in recent) * 1.1
    reach = min(max(reach, LEAST_RANGE), MOST_RANGE)

    def x(at: datetime) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * ((at - drawn[0][0]) / (drawn[-1][0] - drawn[0][0])), 1)

    def y(value: float) -> float:
        return _height((min(max(value, -reach), reach) + reach) / (2 * reach))

    upper = [f"{x(at)},{y(high or 0)}" for at, _, _, _, high in drawn]
    lower = [f"{x(at)},{y(low or 0)}" for at, _, _, low, _ in reversed(drawn)]
    rows = tuple(
        Tick(y(value), f"{value:+.0%}" if value else "0 %") for value in (-reach, -reach / 2, 0, reach / 2, reach)
    )
    named = [drawn[0], drawn[len(drawn) // 2], drawn[-1]] if len(drawn) > 2 else [drawn[0], drawn[-1]]
    return IntervalPlot(
        WIDTH,
        HEIGHT,
        LEFT,
        WIDTH - RIGHT,
        " ".join([*upper, *lower]),
        " ".join(f"{x(at)},{y(middle)}" for at, _, middle, _, _ in drawn),
        y(0),
        rows,
        tuple(Tick(x(at), name) for at, name, *_ in named),
    )


@dataclass(frozen=True)
class Bar:
    """An estimate with its interval, at `x` of the plot."""

    x: float
    label: str
    middle: float
    low: float
    high: float


@dataclass(frozen=True)
class EstimatesPlot:
    """Estimates side by side with their intervals, and a line at what is now."""

    width: int
    height: int
    left: int
    right: int
    now: float
    rows: tuple[Tick, ...]
    bars: tuple[Bar, ...]


def estimates_plot(estimates: Sequence[tuple[str, float, float, float]], now: float) -> EstimatesPlot | None:
    """Lay out shares (label, estimate, low, high) beside one another; None without any."""
    if not estimates:
        return None
    least = min(now, *(low for _, _, low, _ in estimates))
    most = max(now, *(high for _, _, _, high in estimates))
    room = max(most - least, LEAST_RANGE) * 0.1
    least, most = max(0.0, least - room), most + room

    def y(value: float) -> float:
        return _height((value - least) / (most - least))

    step = (WIDTH - LEFT - RIGHT) / len(estimates)
    bars = tuple(
        Bar(round(LEFT + step * (number + 0.5), 1), label, y(middle), y(max(low, least)), y(high))
        for number, (label, middle, low, high) in enumerate(estimates)
    )
    rows = tuple(Tick(y(value), f"{value:.1%}") for value in (least, (least + most) / 2, most))
    return EstimatesPlot(WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, y(now), rows, bars)


def _height(share: float) -> float:
    """Return where a share of the range stands, from the top."""
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)
