"""Line charts as inline SVG: no library, colours from the page, text that stays readable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ganzfeld.report.html import Html, tag

WIDTH, HEIGHT = 400, 234
LEFT, RIGHT, TOP, BOTTOM = 46, 388, 20, 192  # of the plot in it
COLOURS = 6  # in page.css
MOST_POINTS = 400  # of a line: more than pixels
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4", "12 3")  # for those who see no colours

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """points: (x, y), x ascending. colour: its place in the palette; None: in turn.

    dashed: whether it is so even where many points leave no room for dots. bars: the
    ends of one at each point, for what chance may do to it; () for none.
    """

    name: str
    points: Points
    colour: int | None = None
    dashed: bool = False
    bars: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Level:
    """A line across the chart: what a value would mean."""

    value: float
    text: str


@dataclass(frozen=True)
class Best:
    """The point to mark: the lowest ("min"), the highest ("max"), or the one nearest to 1."""

    way: str

    def rank(self, value: float) -> float:
        return {"min": value, "max": -value, "one": abs(value - 1)}[self.way]

    def of(self, lines: Sequence[Line]) -> tuple[Line, tuple[float, float]]:
        found = [(line, point) for line in lines for point in line.points]
        return min(found, key=lambda pair: self.rank(pair[1][1]))

    @property
    def meaning(self) -> str:
        return {"min": "lower is better", "max": "higher is better", "one": "1 is best"}[self.way]


def chart(
    title: str,
    lines: Sequence[Line],
    *,
    x: str = "images seen",
    best: Best | None = None,
    mark: tuple[float, str] | None = None,
    levels: Sequence[Level] = (),
    within: tuple[float, float] | None = None,
    caption: str | None = None,
) -> Html:
    """A figure with a title, a legend where there are several lines, and axes with labels.

    best: mark the best point of all lines, and say where it is.
    mark: a place on the x axis and what is there.
    levels: lines across. within: the ends of the y axis; None: those of the values.
    Lines without points are left out; without any the result is empty.
    """
    lines = [
        replace(line, points=thin(line.points), colour=i if line.colour is None else line.colour)
        for i, line in enumerate(lines)
        if line.points
    ]
    if not lines:
        return Html("")
    values = [value for line in lines for _, value in line.points]
    places = [place for line in lines for place, _ in line.points]
    ends = [end for line in lines for bar in line.bars for end in bar]
    plot = Plot(places, values, [*(level.value for level in levels), *ends], within)
    noisy = max(len(line.points) for line in lines) > 60
    parts: list[Html] = [*plot.axes(x)]
    if mark and plot.x_low <= mark[0] <= plot.x_high:
        parts += plot.mark(*mark)
    for line in lines:
        parts += plot.line(line, dots=not noisy)
    for level in levels:
        parts += plot.level(level)
    if best and min(values) < max(values):  # of equal ones none is the best
        line, point = best.of(lines)
        parts.append(plot.ring(line, point))
        whose = f" ({line.name})" if len(lines) > 1 else ""
        found = f"Best: {figure(point[1])} at {figure(point[0])}{whose}; {best.meaning}."
        caption = f"{found} {caption or ''}".rstrip()
    said = "; ".join([*map(describe, lines), *(f"a line across: {v.text}" for v in levels)])
    scale = " (logarithmic scale)" if plot.logarithmic else ""
    svg = tag(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{title} against {x}{scale}: {said}",
    )
    return tag(
        "figure",
        tag("h3", title, tag("span", scale, class_="soft") if scale else None),
        legend(lines, noisy) if len(lines) > 1 else None,
        svg,
        tag("figcaption", caption) if caption else None,
        class_="card",
    )


def legend(lines: Sequence[Line], noisy: bool) -> Html:
    def entry(line: Line) -> Html:
        stroke = tag("path", d="M0 4H22", class_=shade("line s", line), stroke_dasharray=dash(line))
        key = tag("svg", stroke, viewBox="0 0 22 8", aria_hidden="true")
        return tag("li", key, line.name)

    def dash(line: Line) -> str | None:
        return dash_of(line) if line.dashed or not noisy else None

    return tag("ul", *(entry(line) for line in lines), class_="legend")


def shade(kind: str, line: Line) -> str:
    return f"{kind}{(line.colour or 0) % COLOURS}"


def dash_of(line: Line) -> str | None:
    return DASHES[(line.colour or 0) % len(DASHES)] or ("6 4" if line.dashed else None)


def describe(line: Line) -> str:
    first, last = line.points[0][1], line.points[-1][1]
    return f"{line.name} goes from {figure(first)} to {figure(last)}"


def thin(points: Points) -> Points:
    """Means of neighbours, where there are more points than anybody can see."""
    step = math.ceil(len(points) / MOST_POINTS)
    if step <= 1:
        return points
    parts = [points[i : i + step] for i in range(0, len(points), step)]
    return [(part[-1][0], sum(y for _, y in part) / len(part)) for part in parts]


class Plot:
    """From numbers to places in the image. y is logarithmic where it spans much above zero."""

    def __init__(
        self,
        places: Sequence[float],
        values: Sequence[float],
        levels: Sequence[float] = (),
        within: tuple[float, float] | None = None,
    ) -> None:
        self.x_low, self.x_high = min(0.0, *places), max(places) or 1.0
        ordered = sorted(values)
        # single outliers are cut off, or one bad step would flatten all that matters
        cut = len(ordered) // 200
        low, high = min(ordered[cut], *levels, math.inf), max(ordered[-1 - cut], *levels, -math.inf)
        if within:
            low, high = min(low, within[0]), max(high, within[1])
        self.logarithmic = low > 0 and high / low > 30
        if self.logarithmic:
            low, high = math.log10(low), math.log10(high)
            self.y_ticks = log_ticks(low, high)
        else:
            if low > 0 and low < 0.6 * high:
                low = 0.0
            self.y_ticks = ticks(low, high, 5)
        pad = 0.04 * (high - low) or abs(high) * 0.05 or 0.5
        self.low = low if low == 0 else low - pad
        self.high = high + pad

    def x(self, place: float) -> float:
        share = (place - self.x_low) / ((self.x_high - self.x_low) or 1)
        return round(LEFT + share * (RIGHT - LEFT), 1)

    def y(self, value: float) -> float:
        if self.logarithmic:
            value = math.log10(max(value, 1e-300))
        share = (value - self.low) / (self.high - self.low)
        return round(BOTTOM - min(max(share, 0), 1) * (BOTTOM - TOP), 1)

    def axes(self, x: str) -> list[Html]:
        parts = []
        for value in self.y_ticks:
            y = self.y(value)
            parts.append(tag("path", d=f"M{LEFT} {y}H{RIGHT}", class_="grid"))
            parts.append(tag("text", short(value), x=LEFT - 6, y=y + 4, text_anchor="end"))
        for place in ticks(self.x_low, self.x_high, 4):
            at = self.x(place)
            anchor = "end" if at > RIGHT - 12 else "middle"
            parts.append(tag("path", d=f"M{at} {BOTTOM}v4", class_="axis"))
            parts.append(tag("text", short(place), x=at, y=BOTTOM + 18, text_anchor=anchor))
        parts.append(tag("path", d=f"M{LEFT} {BOTTOM}H{RIGHT}", class_="axis"))
        parts.append(tag("text", x, x=(LEFT + RIGHT) / 2, y=HEIGHT - 4, text_anchor="middle"))
        return parts

    def line(self, line: Line, *, dots: bool) -> list[Html]:
        path = "M" + "L".join(f"{self.x(a)} {self.y(b)}" for a, b in line.points)
        dash = dash_of(line) if dots or line.dashed else None
        bars = ""
        if len(line.bars) == len(line.points):
            for (a, _), (low, high) in zip(line.points, line.bars, strict=True):
                bars += f"M{self.x(a)} {self.y(low)}V{self.y(high)}"
        parts = [tag("path", d=bars, class_=shade("bars s", line))] if bars else []
        parts += [tag("path", d=path, class_=shade("line s", line), stroke_dasharray=dash)]
        for a, b in line.points if dots else ():
            title = tag("title", f"{line.name}: {figure(b)} at {a:,.0f}")
            dot = tag("circle", title, cx=self.x(a), cy=self.y(b), r=2.6, class_=shade("f", line))
            parts.append(dot)
        return parts

    def ring(self, line: Line, point: tuple[float, float]) -> Html:
        x, y = self.x(point[0]), self.y(point[1])
        return tag("circle", cx=x, cy=y, r=4.5, class_=f"best {shade('s', line)}")

    def level(self, level: Level) -> list[Html]:
        y = self.y(level.value)
        above = y - 5 if y > TOP + 14 else y + 14
        return [
            tag("path", d=f"M{LEFT} {y}H{RIGHT}", class_="level"),
            tag("text", level.text, x=LEFT + 4, y=above, class_="level-text"),
        ]

    def mark(self, place: float, text: str) -> list[Html]:
        x = self.x(place)
        anchor = "end" if x > RIGHT - 30 else "middle"
        return [
            tag("path", d=f"M{x} {TOP}V{BOTTOM}", class_="mark"),
            tag("text", text, x=x, y=TOP - 6, text_anchor=anchor, class_="mark-text"),
        ]


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers in [low, high], about `count`, apart by 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(power * k for k in (1, 2, 5, 10) if span / (power * k) <= count)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between two powers; with 2 and 5 times them where these are few."""
    whole = range(math.floor(low), math.ceil(high) + 1)
    steps = (1,) if high - low > 2.5 else (1, 3) if high - low > 1.6 else (1, 2, 5)
    every = math.ceil((high - low) / 6)
    found = [k * 10.0**p for p in whole[::every] for k in steps]
    return [v for v in found if low - 0.01 <= math.log10(v) <= high + 0.01]


def short(value: float) -> str:
    """A tick's label: 30k, 1.5M, 0.02."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:.3g}"


def figure(value: float) -> str:
    """Three figures that count."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
