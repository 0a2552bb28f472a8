"""The gallery as pages: HTML that needs nothing from anywhere else, and Markdown with relative links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from urllib.parse import quote

from gansmith.page import page
from gansmith.tutorial.catalogue import CHAPTERS
from gansmith.tutorial.claim import Claim
from gansmith.tutorial.item import Performance

__all__ = ["as_html", "as_markdown", "paragraphs", "summary"]

TITLE = "Generative adversarial networks, claim by claim"

STYLE = """
body { font: 17px/1.55 Georgia, "Times New Roman", serif; max-width: 60rem; }
h1, h2, h3, nav, table, figcaption, .facts { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; }
h2 { margin-top: 3rem; font-size: 1.5rem; border-bottom: 2px solid; } h3 { margin-top: 2.5rem; }
nav { column-width: 22rem; font-size: .9rem; } nav a { display: block; text-decoration: none; padding: .1rem 0; }
figure { margin: 1rem 0; } figcaption, .facts { font-size: .85rem; color: var(--soft); }
table { font-size: .85rem; width: 100%; } td.claim { flex: 1 0 75%; }
.pass { color: var(--good); font-weight: 600; } .fail { color: var(--bad); font-weight: 600; }
code, pre { font-size: .85em; background: var(--code); }
pre { padding: .6rem .8rem; overflow-x: auto; } code { padding: 0 .2em; } pre code { padding: 0; }
"""

HEAD = '<tr><th></th><th>claim</th><th class="number">measured</th><th class="number">bound</th></tr>'


def summary(performances: Sequence[Performance]) -> str:
    """What came out, in a sentence."""
    claims = [claim for p in performances for claim in p.claims]
    held = sum(claim.passed for claim in claims)
    text = f"{len(performances)} items, {len(claims)} claims: {held} hold"
    if bad := [p.item.name for p in performances if not p.passed]:
        text += f"; not in order: {', '.join(bad)}"
    return text + f". {sum(p.seconds for p in performances) / 60:.1f} minutes, added up."


def paragraphs(story: str) -> Iterator[tuple[bool, str]]:
    r"""The paragraphs of a docstring: whether each is a displayed formula, which is one that is indented; and its text.

    Example:
        >>> list(paragraphs("A line\nand more.\n\n    y = x²"))
        [(False, 'A line and more.'), (True, 'y = x²')]
    """
    for block in re.split(r"\n\s*\n", story.strip("\n")):
        lines = block.split("\n")
        if all(line.startswith("    ") for line in lines):
            yield True, "\n".join(line[4:] for line in lines)
        else:
            yield False, " ".join(line.strip() for line in lines)


def as_html(performances: Sequence[Performance]) -> str:
    """The page as HTML, style included."""
    links = "".join(f'<a href="#{p.item.name}">{escape(p.item.title)}</a>' for p in performances)
    body = "".join(
        f"<h2>{escape(chapter)}</h2>" + "".join(map(_html, group)) for chapter, group in _chapters(performances)
    )
    return page(TITLE, f"<h1>{TITLE}</h1><p>{escape(summary(performances))}</p><nav>{links}</nav>{body}", style=STYLE)


def as_markdown(performances: Sequence[Performance]) -> str:
    """The page as Markdown."""
    parts = [f"# {TITLE}", summary(performances)]
    for chapter, group in _chapters(performances):
        parts += [f"## {chapter}", *(part for p in group for part in _markdown(p))]
    return "\n\n".join(parts) + "\n"


def _chapters(performances: Sequence[Performance]) -> Iterator[tuple[str, list[Performance]]]:
    for chapter, items in CHAPTERS.items():
        if group := [p for p in performances if p.item in items]:
            yield chapter, group
    if others := [p for p in performances if not any(p.item in items for items in CHAPTERS.values())]:
        yield "More", others


def _facts(p: Performance) -> str:
    return f"{p.item.source}. Seed {p.seed}, {p.seconds:.0f} s."


def _html(p: Performance) -> str:
    story = "".join(
        f"<pre>{escape(text)}</pre>" if shown else f"<p>{_marked(text)}</p>" for shown, text in paragraphs(p.item.story)
    )
    figures = "".join(
        f'<figure><img src="{quote(q.path.name)}" alt="{escape(q.caption)}">'
        f"<figcaption>{escape(q.caption)}</figcaption></figure>"
        for q in p.pictures
    )
    rows = "".join(map(_row, p.claims))
    table = f"<table>{HEAD}{rows}</table>" if rows else ""
    error = f'<p class="fail">{escape(p.error)}</p>' if p.error else ""
    return (
        f'<section><h3 id="{p.item.name}">{escape(p.item.title)}</h3>'
        f'<p class="facts">{escape(_facts(p))} <code>{escape(p.item.command(seed=p.seed))}</code></p>'
        f"{story}{figures}{table}{error}</section>"
    )


def _row(claim: Claim) -> str:
    verdict = f'<td class="{claim.verdict.lower()}">{claim.verdict}</td>'
    numbers = (
        f'<td class="number" data-of="measured">{claim.measured:.4g}</td>'
        f'<td class="number" data-of="bound">{escape(str(claim.bound))}</td>'
    )
    return f'<tr>{verdict}<td class="claim">{escape(claim.text)}</td>{numbers}</tr>'


def _marked(text: str) -> str:
    """A paragraph of a docstring as HTML: code between backticks, emphasis between stars."""
    coded = re.sub(r"`+([^`]+)`+", r"<code>\1</code>", escape(text))
    # A star behind a letter is part of a name, such as D*.
    return re.sub(r"(?<!\w)\*(\S(?:[^*]*\S)?)\*(?!\w)", r"<em>\1</em>", coded)


def _markdown(p: Performance) -> Iterator[str]:
    yield f"### {p.item.title}"
    yield f"*{_facts(p)}* `{p.item.command(seed=p.seed)}`"
    for shown, text in paragraphs(p.item.story):
        yield f"```text\n{text}\n```" if shown else _story(text)
    for q in p.pictures:
        yield f"![{_plain(q.caption)}]({quote(q.path.name)})"
        yield f"*{_plain(q.caption)}*"
    if p.claims:
        cells = ([c.verdict, _plain(c.text).replace("|", "\\|"), f"{c.measured:.4g}", str(c.bound)] for c in p.claims)
        lines = ["| | claim | measured | bound |", "|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in cells)]
        yield "\n".join(lines)
    if p.error:
        yield f"**FAIL** {_plain(p.error)}"


def _story(text: str) -> str:
    """A paragraph of a docstring as Markdown: backticks and stars mean there what they mean here."""
    parts = re.split(r"(`+[^`]+`+)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([_\[\]<>])", r"\\\1", part) for part in parts)


def _plain(text: str) -> str:
    """Text whose stars, brackets and underscores are no markup."""
    return re.sub(r"([*_\[\]<>])", r"\\\1", text)
