"""Small plots as SVG and lists, which a screen reader can read and no script has to draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ui.core import Shelf
from ui.map import Map
from ui.rendering.markup import outside, shortened, text
from ui.texts import Texts

MAX_YEARS = 60
MAX_SOURCES = 12
_WIDTH, _HEIGHT = 640, 150
_MAP = 1000


def statistics(shelf: Shelf, t: Texts) -> str:
    """Years and sources at once; the map comes when it is drawn."""
    if not shelf.rows:
        return f'<p class="quiet">{text(t("library.first"))}</p>'
    return (
        f'<section class="plot"><h3>{text(t("statistics.years"))}</h3>{years(shelf, t)}</section>'
        f'<section class="plot"><h3>{text(t("statistics.sources"))}</h3>{sources(shelf, t)}</section>'
        f'<section class="plot wide"><h3>{text(t("statistics.topics"))}</h3>'
        f'<div id="map"><p class="quiet waiting">{text(t("statistics.topics_wait"))}</p></div></section>'
    )


def years(shelf: Shelf, t: Texts) -> str:
    """A bar for each year from the first to the last; one of a long past stands for several."""
    known = Counter(row.year for row in shelf.rows if row.year is not None)
    n_unknown = len(shelf.rows) - sum(known.values())
    note = f'<p class="quiet">{text(t("statistics.no_year", n=n_unknown))}</p>' if n_unknown else ""
    if not known:
        return note
    last = max(known)
    first = max(min(known), last - MAX_YEARS + 1)
    span = range(first, last + 1)
    early = sum(n for year, n in known.items() if year < first)
    counts = [known[year] + (early if year == first else 0) for year in span]
    most = max(counts)
    step = _WIDTH / max(len(counts), 8)
    bars, labels, said = [], [], []
    every = max(1, -(-len(counts) // 10))
    for at, (year, n) in enumerate(zip(span, counts, strict=True)):
        name = f"≤ {year}" if early and year == first else str(year)
        height = 0 if n == 0 else max(2.0, (_HEIGHT - 44) * n / most)
        label = text(t("statistics.year_bar", n=n, year=name))
        x = at * step
        if n:
            said.append(t("statistics.year_bar", n=n, year=name))
            bars.append(
                f'<rect class="bar" x="{x + step * 0.15:.1f}" y="{_HEIGHT - 24 - height:.1f}" width="{step * 0.7:.1f}" '
                f'height="{height:.1f}" rx="2"><title>{label}</title></rect>'
            )
            if len(counts) <= 24:
                labels.append(
                    f'<text class="value" x="{x + step / 2:.1f}" y="{_HEIGHT - 29 - height:.1f}">{t.number(n)}</text>'
                )
        if at % every == 0:
            labels.append(f'<text x="{x + step / 2:.1f}" y="{_HEIGHT - 6}">{text(name)}</text>')
    return (
        f'<svg class="bars" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{text(", ".join(said))}">'
        f'<path class="axis" d="M0 {_HEIGHT - 23.5}H{_WIDTH}"/>{"".join(bars)}{"".join(labels)}</svg>{note}'
    )


def sources(shelf: Shelf, t: Texts) -> str:
    """A line for each file or feed, the largest first."""
    counts: Counter[str] = Counter()
    for row in shelf.rows:
        counts.update(row.sources or [""])
    most = max(counts.values())
    lines = "".join(
        f'<li><span class="name">{outside(_source_name(name, t))}</span>'
        f'<span class="measure"><span class="bar" style="inline-size:{100 * n / most:.1f}%"></span></span>'
        f'<span class="value">{text(t("statistics.papers", n=n))}</span></li>'
        for name, n in counts.most_common(MAX_SOURCES)
    )
    return f'<ul class="measures">{lines}</ul>'


def _source_name(name: str, t: Texts) -> str:
    last = name.replace("\\", "/").rpartition("/")[2]
    return shortened(last or name, 48) or t("statistics.no_source")


def topics(drawn: Map | None, t: Texts) -> str:
    """The map: regions that can be chosen, dots that name their paper, and the regions again as a list."""
    if drawn is None:
        return f'<p class="quiet">{text(t("statistics.topics_few"))}</p>'
    dots = "".join(
        f'<circle class="dot r{dot.region}" cx="{dot.x * _MAP:.0f}" cy="{dot.y * _MAP:.0f}" r="7">'
        f"<title>{text(dot.title)}</title></circle>"
        for dot in drawn.dots
    )
    regions, names, listed = [], [], []
    for number, region in enumerate(drawn.regions):
        words = ", ".join(region.words)
        label = text(t("statistics.region", n=len(region.paper_ids), words=words))
        question = text(t("statistics.region_question", words=words))
        x, y, radius = region.x * _MAP, region.y * _MAP, region.radius * _MAP
        regions.append(
            f'<circle class="region r{number}" cx="{x:.0f}" cy="{y:.0f}" r="{radius:.0f}" data-do="ask-region" '
            f'data-region="{number}" data-question="{question}"><title>{label}</title></circle>'
        )
        names.append(f'<text class="region-name" x="{x:.0f}" y="{y - radius - 10:.0f}">{_name(region.words)}</text>')
        listed.append(
            f'<li><button type="button" class="chip" data-do="ask-region" data-region="{number}" '
            f'data-question="{question}">{label}</button></li>'
        )
    note = ""
    if drawn.n_papers > len(drawn.dots):
        note = " " + t("statistics.topics_sample", n=len(drawn.dots), all=t.number(drawn.n_papers))
    return (
        f'<p class="quiet">{text(t("statistics.topics_how"))}{text(note)}</p>'
        f'<svg class="topics" viewBox="{_view(drawn)}" aria-hidden="true">'
        f'{"".join(regions)}{dots}{"".join(names)}</svg><ul class="regions">{"".join(listed)}</ul>'
    )


def _view(drawn: Map) -> str:
    """What the drawing needs of the plane: its regions, with room for their names."""
    left = min(region.x - region.radius for region in drawn.regions) * _MAP - 70
    right = max(region.x + region.radius for region in drawn.regions) * _MAP + 70
    top = min(region.y - region.radius for region in drawn.regions) * _MAP - 50
    bottom = max(region.y + region.radius for region in drawn.regions) * _MAP + 16
    return f"{left:.0f} {top:.0f} {right - left:.0f} {bottom - top:.0f}"


def _name(words: Sequence[str]) -> str:
    """The first two words; a small screen has room for one."""
    first, *more = words[:2]
    return text(first) + "".join(f'<tspan class="more">{text(f", {word}")}</tspan>' for word in more)
