"""Text out of XML and HTML mark-up: PubMed's inline tags, JATS, MathML, and tags left in other people's fields.

What is raised or lowered must not run into its neighbour: 10<sup>3</sup> is 10^3, not 103.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_MAX_DEPTH = 60
_BLOCKS = {"p", "sec", "list-item", "br", "break", "div", "li", "label", "abstract"}
_HEADINGS = {"title", "h1", "h2", "h3", "h4"}
_DROPPED = {"abstract", "summary", "abstract:", "summary:"}
_NAMES = (
    "abstract|p|sec|title|italic|bold|sub|sup|sc|monospace|underline|i|b|u|em|strong|small|span|br|break|div|ul|ol|li|a|h[1-4]|"
    "inp|inline-formula|disp-formula|alternatives|tex-math|list|list-item|label|ext-link|xref|named-content|styled-content|"
    "inline-graphic|graphic|uri|email|math|semantics|annotation|mrow|mi|mn|mo|ms|mtext|mspace|msup|msub|msubsup|mfrac|"
    "msqrt|mroot|mover|munder|munderover|mfenced|mstyle|mtable|mtr|mtd|mpadded|mphantom|menclose|mml"
)
# Only these names, and only attributes as in XML: "p<a and b>c" is no tag.
_TAG = re.compile(
    rf"<(/?)(?:jats:|mml:|m:|xhtml:)?({_NAMES})(?:\s+[\w:-]{{1,40}}\s?=\s?(?:\"[^\"<>]{{0,500}}\"|'[^'<>]{{0,500}}'))*\s*/?>",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"<(/?)(\w+):(?=\w)")
_TEX_BODY = re.compile(r"\\begin\{document\}(.*?)\\end\{document\}", re.DOTALL)


def text_of(element: Element) -> str:
    """All text in and below ``element`` on one line per paragraph, white space collapsed.

    A heading becomes a label ('BACKGROUND: ...'); one that only says 'Abstract' goes.
    """
    pieces: list[str] = []
    _collect(element, pieces, 0)
    paragraphs = (" ".join(paragraph.split()) for paragraph in "".join(pieces).split("\n"))
    return "\n".join(paragraph for paragraph in paragraphs if paragraph)


def _collect(element: Element, pieces: list[str], depth: int) -> None:
    name = _local(element.tag)
    if depth > _MAX_DEPTH:
        pieces.append(" ".join(element.itertext()))
    elif name == "math":
        pieces.append(_formula(element, depth))
    elif name == "tex-math":
        body = _TEX_BODY.search(element.text or "")
        pieces.append(f" {body[1] if body else element.text or ''} ")
    elif name == "alternatives" and (tex := [e for e in element if _local(e.tag) == "tex-math"]):
        _collect(tex[0], pieces, depth + 1)
    elif name in _HEADINGS:
        heading = " ".join(_inner(element, depth).split())
        pieces.append("\n" if heading.casefold() in _DROPPED or not heading else f"\n{heading.rstrip(':.')}: ")
    elif name in _BLOCKS:
        has_label = next((piece for piece in reversed(pieces) if piece.strip()), "").endswith(": ")
        pieces.append(("" if has_label else "\n") + _inner(element, depth).strip() + "\n")
    elif name == "sup":
        pieces.append(_raised(_inner(element, depth), pieces))
    else:
        pieces.append(_inner(element, depth))


def _inner(element: Element, depth: int) -> str:
    # A text node's line breaks are only how the file was wrapped; those between blocks are made here.
    pieces = [_unwrapped(element.text)]
    for child in element:
        _collect(child, pieces, depth + 1)
        pieces.append(_unwrapped(child.tail))
    return "".join(pieces)


def _unwrapped(text: str | None) -> str:
    return re.sub(r"\s+", " ", text) if text else ""


def _raised(text: str, before: list[str]) -> str:
    """With a caret if it stands behind something: isotopes and marks in front keep none."""
    last = next((piece[-1] for piece in reversed(before) if piece), " ")
    is_exponent = (last.isalnum() or last in ")]") and (text[:1].isalnum() or text[:1] in ("-", "+", "−", "–"))
    return f"^{text}" if is_exponent else text


def _formula(element: Element, depth: int) -> str:
    """MathML in one line: x^2, a_i, a/b."""
    if depth > _MAX_DEPTH:
        return "".join("".join(element.itertext()).split())
    parts = [_formula(child, depth + 1) + "".join((child.tail or "").split()) for child in element]
    match _local(element.tag):
        case "msup" | "mover" if len(parts) == 2:
            return f"{parts[0]}^{parts[1]}"
        case "msub" | "munder" if len(parts) == 2:
            return f"{parts[0]}_{parts[1]}"
        case "msubsup" | "munderover" if len(parts) == 3:
            return f"{parts[0]}_{parts[1]}^{parts[2]}"
        case "mfrac" if len(parts) == 2:
            return f"{parts[0]}/{parts[1]}"
        case "msqrt":
            return f"√({''.join(parts)})"
        case "mfenced":
            return f"{element.get('open', '(')}{','.join(parts)}{element.get('close', ')')}"
        case "mtd":
            return "".join(parts) + " "
        case "annotation" | "annotation-xml":
            return ""
    return "".join((element.text or "").split()) + "".join(parts)


def _local(tag: object) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def without_tags(text: str) -> str:
    """A field's text without the JATS or HTML tags and character references in it.

    Well-formed mark-up is read as XML; else known tags are cut out, and a '<' that begins
    none stays. Text without either comes back as it is.
    """
    if "<" not in text and "&" not in text:
        return text
    if _TAG.search(text) is None:
        return html.unescape(text)
    try:
        return text_of(fromstring(f"<text>{_PREFIX.sub(_unprefixed, text)}</text>"))
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        return "\n".join(filter(None, (" ".join(line.split()) for line in "".join(_cut(text)).split("\n"))))


def _unprefixed(match: re.Match[str]) -> str:
    return f"<{match[1]}"


def _cut(text: str) -> Iterator[str]:
    position, is_heading = 0, False
    for tag in _TAG.finditer(text):
        yield html.unescape(text[position : tag.start()].replace("\n", " "))
        position = tag.end()
        name, is_end = tag[2].lower(), bool(tag[1])
        if name in _HEADINGS:
            is_heading = not is_end
            yield "\n" if not is_end else ": "
        elif name in _BLOCKS and not is_heading:
            yield "" if name == "p" and not is_end else "\n"
        elif name == "sup" and not is_end:
            yield "^"
    yield html.unescape(text[position:].replace("\n", " "))
