"""HTML from texts that nobody trusts: everything is escaped here, and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from importlib import resources

# What turns the reading direction could make a verdict look like another; controls are no text.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def esc(text: object) -> str:
    """The text as text: markup, quotation marks and characters that a browser obeys are disarmed."""
    return html.escape(_OBEYED.sub("\N{REPLACEMENT CHARACTER}", str(text)), quote=True)


def document(title: str, body: str) -> str:
    """A whole page: style and script inside, nothing loaded, and nothing but that one script allowed to run."""
    style, script = _file("report.css"), _file("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{esc(title)}</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""


def table(head: list[str], rows: list[list[str]], *, caption: str, css: str = "") -> str:
    """A table of cells that are HTML already, the first of a row its heading; a wide one scrolls by itself."""
    heads = "".join(f'<th scope="col">{cell}</th>' if cell else "<td></td>" for cell in head)
    # On a phone a row of figures becomes a block: its cells then say what they are.
    names = [f' data-name="{cell}"' if "figures" in css and cell else "" for cell in head[1:]]
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{name}>{cell}</td>" for name, cell in zip(names, row[1:], strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{caption}"><table class="{css}">'
        f"<caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _file(name: str) -> str:
    return resources.files("eval").joinpath(f"report/{name}").read_text("utf-8")
