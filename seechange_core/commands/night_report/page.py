"""A night's checks as one HTML page without scripts and without anything from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from matplotlib.figure import Figure

from seechange_core import __version__
from seechange_core.commands.night_report import figures
from seechange_core.commands.night_report.exposure_rows import exposure_rows, headings
from seechange_core.commands.night_report.status import status_of, tiles_of
from seechange_core.store.night_checks import NightChecks, Unusual

_MOST_TOLD = 10
_STYLE = """
:root { --ink: #1c2430; --quiet: #5b6675; --line: #dde2e8; --ok: #00785a; --look: #9a6700; --bad: #b3261e; }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); max-width: 1000px; margin: 1.5rem auto; }
body { padding: 0 1rem; }
h1 { font-size: 1.35rem; margin: 0 0 .5rem; }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
.status { padding: .6rem .8rem; border-radius: 6px; color: #fff; font-weight: 600; }
.ok { background: var(--ok); }
.look { background: var(--look); }
.bad { background: var(--bad); }
.quiet { color: var(--quiet); font-size: .88rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .6rem; margin: .8rem 0; }
.tile { border: 1px solid var(--line); border-left: 5px solid var(--ok); border-radius: 6px; }
.tile { padding: .35rem .6rem; min-width: 8.2rem; }
.tile.worse { border-left-color: var(--bad); }
.tile.unknown { border-left-color: var(--line); }
.tile b { display: block; font-size: 1.15rem; }
.tile span { color: var(--quiet); font-size: .8rem; }
ol { padding-left: 1.4rem; }
li { margin: .25rem 0; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: .85rem; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .18rem .45rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:nth-child(-n+4), td:nth-child(-n+4) { text-align: left; }
th { color: var(--quiet); font-weight: 600; font-size: .78rem; white-space: normal; vertical-align: bottom; }
.wide { overflow-x: auto; }
"""


def page(checks: NightChecks) -> str:
    """Return the HTML of a report: status, what is unusual, then figures and tables by subject."""
    kind, sentence = status_of(checks)
    earlier = (
        f"compared with {len(checks.earlier)} earlier nights"
        if checks.earlier
        else "no earlier nights to compare with"
    )
    parts = [
        f"<h1>{escape(checks.title)}</h1>",
        f'<p class="status {kind}">{escape(sentence)}</p>',
        f'<p class="quiet">{escape(f"Processing {checks.tag}; {earlier}; SeeChange {__version__}")}</p>',
        _tiles(checks),
        "<h2>What is unusual</h2>",
        _unusual(checks.unusual),
        *_figure(
            "Sky and calibration",
            figures.over_sections(checks, figures.SKY),
            "Each point is a section. Dashed: the median of the earlier nights.",
        ),
        *_figure(
            "Differences",
            figures.over_sections(checks, figures.DIFFERENCES),
            "The significance scatters by 1 where all noise is known. Light left of bright stars: PSF flux in the "
            "difference divided by the star's.",
        ),
        *_figure(
            "Candidates",
            figures.decisions(checks),
            "What each cut of the measuring flagged or deleted, and how the scorers see what is left.",
        ),
        *_figure(
            "Drift",
            figures.drifts(checks),
            "Medians of the earlier nights and of this one, at the right; the band is 3.5 sigma wide to either side. "
            "A black diamond is unusual.",
        ),
        f"<h2>{'Sections' if checks.n_exposures == 1 else 'Exposures'}</h2>",
        _table(headings(checks), exposure_rows(checks)),
    ]
    title = escape(checks.title)
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{_STYLE}</style>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _tiles(checks: NightChecks) -> str:
    tiles = "".join(
        f'<div class="tile {tile.kind}"><span>{escape(tile.title)}</span><b>{escape(tile.value)}</b>'
        f"<span>{escape(tile.usual)}</span></div>"
        for tile in tiles_of(checks)
    )
    return f'<div class="tiles">{tiles}</div>'


def _unusual(found: Sequence[Unusual]) -> str:
    if not found:
        return "<p>Nothing.</p>"
    told, rest = found[:_MOST_TOLD], found[_MOST_TOLD:]
    more = f"<details><summary>{len(rest)} more</summary>{_listed(rest)}</details>" if rest else ""
    return _listed(told) + more


def _listed(found: Iterable[Unusual]) -> str:
    items = "".join(
        f'<li>{escape(one.text)} <span class="quiet">Look at: {escape(one.advice)}.</span></li>'
        for one in found
    )
    return f"<ol>{items}</ol>"


def _figure(heading: str, figure: Figure | None, caption: str) -> Iterable[str]:
    yield f"<h2>{escape(heading)}</h2>"
    if figure is None:
        yield '<p class="quiet">Nothing was measured.</p>'
        return
    encoded = b64encode(figures.png(figure)).decode("ascii")
    yield f'<img alt="{escape(heading)}: {escape(caption)}" src="data:image/png;base64,{encoded}">'
    yield f'<p class="quiet">{escape(caption)}</p>'


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
