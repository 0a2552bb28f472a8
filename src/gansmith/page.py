"""A page in HTML that needs nothing from anywhere else: one style, for light and dark, wide screens and narrow."""

from __future__ import annotations

import struct
from base64 import b64encode
from html import escape

__all__ = ["STYLE", "page", "picture"]

STYLE = """
:root { color-scheme: light dark; --ink: #222; --soft: #5c5c5c; --line: #ddd; --paper: #fff; --link: #0067a3;
  --good: #00704f; --bad: #b3261e; --code: #f4f4f4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --soft: #a8a8a8; --line: #3c3c3c; --paper: #17181a; --link: #7cc4f5;
    --good: #4cc9a0; --bad: #ff8a80; --code: #242629; }
  img { background: #fff; border-radius: 6px; padding: 6px; }
}
body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; color: var(--ink); background: var(--paper);
  max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin-bottom: .2rem; } h2 { margin: 2.5rem 0 .6rem; font-size: 1.2rem; }
a { color: var(--link); } figure { margin: 0; } img { max-width: 100%; height: auto; box-sizing: border-box; }
.soft, figcaption { color: var(--soft); font-size: .88rem; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { text-align: left; padding: .32rem .8rem .32rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th.number, td.number { text-align: right; } td.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; font-size: .9rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: .9em/1.45 ui-monospace, Menlo, Consolas, monospace; }
@media (max-width: 40rem) {
  table, tbody { display: block; } th { display: none; }
  tr { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  td { border: 0; padding: 0; } td:empty { display: none; } td.line { flex: 1 0 100%; }
  td[data-of]::before { content: attr(data-of) " "; color: var(--soft); }
  dl { display: block; } dd { margin: 0 0 .6rem; }
}
"""
"""On a narrow screen the cells of a row flow like words: `line` has a line to itself, and `data-of` is said before."""


def page(title: str, body: str, *, style: str = "") -> str:
    """The whole page.

    Args:
        title: of the window, as plain text.
        body: HTML.
        style: rules that come after those of all pages.

    Example:
        >>> page("a < b", "<p>it is</p>").startswith('<!doctype html><html lang="en"><head><meta charset="utf-8">')
        True
    """
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}{style}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def picture(png: bytes, *, alt: str, width: int) -> str:
    """A picture inside the page, with a place of the right size kept for it.

    Args:
        png: the file.
        alt: what it shows, for whoever does not see it.
        width: in pixels of a wide page; a narrow one shows it smaller.
    """
    wide, high = struct.unpack(">II", png[16:24])  # of the header, which every PNG begins with
    return (
        f'<img src="data:image/png;base64,{b64encode(png).decode()}" alt="{escape(alt)}" '
        f'width="{width}" height="{round(width * high / wide)}">'
    )
