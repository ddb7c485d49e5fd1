"""Scripts as documents: Markdown (CommonMark), Word (DOCX), and books (EPUB, chapter by chapter)."""

from __future__ import annotations

import html.parser
import io
import posixpath
import zipfile
from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree import ElementTree

from engine.errors import StoryError
from engine.story.problems import Problem
from engine.story.prose import Prose
from engine.story.script import Spoken

Told = tuple[list[Spoken], list[Problem]]

MOST_BYTES = 256 * 1024 * 1024
"""No chapter and no document is longer when it is unpacked."""

_SCENES, _CHARACTER, _DIALOGUE, _SILENT = (
    ("heading", "title", "scene"),
    ("character", "speaker"),
    ("dialogue", "dialog", "lyrics"),
    ("action", "parenthetical", "transition", "general", "header", "footer", "toc", "shot"),
)
"""What a paragraph's style says in templates for screenplays and plays; other styles are prose."""

_PARAGRAPHS = frozenset({"p", "li", "blockquote", "div", "dd", "dt", "td", "pre"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_UNSPOKEN = frozenset({"head", "script", "style", "nav", "svg", "figcaption", "aside", "sup", "rt"})


def read_markdown(text: str, gap_seconds: float) -> Told:
    """Return the speeches of a Markdown text: headings are scenes; code, tables, images and HTML are not spoken."""
    from markdown_it import MarkdownIt  # 20 ms

    prose, inside = Prose(gap_seconds), ""
    for token in MarkdownIt("commonmark", {"html": False}).parse(_without_front_matter(text)):
        if token.type.endswith("_open"):
            inside = token.type.removesuffix("_open")
        elif token.type == "inline":
            words = "".join(_markdown_words(child) for child in token.children or ())
            line = (token.map or [0])[0] + 1
            if inside == "heading":
                prose.heading(words)
            else:
                prose.paragraph(words, line)
    return prose.told()


def _markdown_words(token: object) -> str:
    kind, content = getattr(token, "type", ""), str(getattr(token, "content", ""))
    return {"text": content, "code_inline": content, "softbreak": " ", "hardbreak": " "}.get(kind, "")


def _without_front_matter(text: str) -> str:
    """Return a text without the block of settings in front that many tools write; its lines stay, empty."""
    lines = text.removeprefix("\ufeff").split("\n")
    if lines[0].strip() != "---":
        return "\n".join(lines)
    end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() in ("---", "...")), 0)
    return "\n".join([""] * (end + 1) + lines[end + 1 :])


def read_docx(data: bytes, gap_seconds: float) -> Told:
    """Return the speeches of a Word document, by its paragraphs' styles where those are a screenplay's.

    Raises StoryError for what is none, or where the library that reads it is missing.
    """
    try:
        import docx  # an extra
        from docx.opc.exceptions import OpcError
    except ImportError as error:
        raise StoryError("reading .docx needs an extra: pip install 'cuevox[scripts]'") from error
    try:
        _check_size(zipfile.ZipFile(io.BytesIO(data)))
        paragraphs = docx.Document(io.BytesIO(data)).paragraphs
    except (OpcError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise StoryError(f"this is no Word document: {error}") from error
    prose, speaker = Prose(gap_seconds), ""
    for number, paragraph in enumerate(paragraphs, 1):
        style, text = (paragraph.style.name or "" if paragraph.style else "").casefold(), paragraph.text
        if style.startswith(_SCENES):
            prose.heading(text)
        elif style.startswith(_CHARACTER):
            speaker = text.strip().title()
        elif style.startswith(_DIALOGUE) and speaker:
            prose.said(speaker, text, number)
        elif not style.startswith(_SILENT):
            prose.paragraph(text, number)
    return prose.told()


def read_epub(data: bytes, gap_seconds: float) -> Told:
    """Return the speeches of a book: its chapters in reading order, headings as scenes. Raises StoryError."""
    prose, number = Prose(gap_seconds), 0
    try:
        book = zipfile.ZipFile(io.BytesIO(data))
        _check_size(book)
        for chapter in _chapters(book):
            page = _Page()
            page.feed(book.read(chapter).decode("utf-8", "replace"))
            page.close()
            for is_heading, text in page.found():
                number += 1
                if is_heading:
                    prose.heading(text)
                else:
                    prose.paragraph(text, number)
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, ValueError) as error:
        raise StoryError(f"this is no EPUB book: {error}") from error
    return prose.told()


def _check_size(archive: zipfile.ZipFile) -> None:
    if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
        raise StoryError(f"unpacked this is more than {MOST_BYTES:,} bytes")


def _chapters(book: zipfile.ZipFile) -> Iterator[str]:
    """Iterate over the files of a book that are read one after the other; what is not linear (notes) is left out."""
    container = ElementTree.fromstring(book.read("META-INF/container.xml"))
    root = next((e.get("full-path") for e in container.iter() if e.tag.endswith("}rootfile")), None)
    if root is None:
        raise ValueError("its container names no book")
    package, folder = ElementTree.fromstring(book.read(root)), posixpath.dirname(root)
    files = {e.get("id"): e for e in package.iter() if e.tag.endswith("}item")}
    for entry in package.iter():
        item = files.get(entry.get("idref")) if entry.tag.endswith("}itemref") else None
        if item is None or entry.get("linear") == "no" or "nav" in (item.get("properties") or "").split():
            continue
        if item.get("media-type") == "application/xhtml+xml":
            yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href") or "")))


class _Page(html.parser.HTMLParser):
    """Gathers headings and paragraphs of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[tuple[bool, str]] = []
        self._words: list[str] = []
        self._heading = False
        self._hidden = 0

    def found(self) -> list[tuple[bool, str]]:
        """Return the texts, each with whether it is a heading."""
        self._end()
        return self._parts

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        """Begin an element."""
        if tag in _UNSPOKEN:
            self._hidden += 1
        elif tag in _HEADINGS or tag in _PARAGRAPHS:
            self._end()
            self._heading = tag in _HEADINGS
        elif tag == "br":
            self._words.append(" ")

    def handle_startendtag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        """Take an element that holds nothing."""
        if tag == "br":
            self._words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if tag in _UNSPOKEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _HEADINGS or tag in _PARAGRAPHS:
            self._end()

    def handle_data(self, data: str) -> None:
        """Take text."""
        if not self._hidden:
            self._words.append(data)

    def _end(self) -> None:
        text = " ".join("".join(self._words).split())
        if text:
            self._parts.append((self._heading, text))
        self._words, self._heading = [], False
