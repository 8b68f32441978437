"""A page read back: the text of each section, its tables, and what it would load."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset(("meta", "link", "br", "wbr"))
_ADDRESSES = frozenset(("src", "href", "xlink:href", "srcset", "action", "data", "poster"))


@dataclass(slots=True)
class Section:
    """Words, tables (rows of cells), and the exact numbers behind those that are shortened."""

    words: list[str] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


class Page(HTMLParser):
    """Sections by their ``id``; ``header`` is what stands before them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sections: dict[str, Section] = {}
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self._now = self.sections.setdefault("header", Section())
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += given.items()
        self.addresses += [value for name, value in given.items() if name in _ADDRESSES]
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "section":
            self._now = self.sections.setdefault(given["id"], Section())
        elif tag == "table":
            self._now.tables.append([])
        elif tag == "tr":
            self._now.tables[-1].append([])
        elif tag in ("td", "th"):
            self._now.tables[-1][-1].append("")
        elif tag == "data":
            self._now.values.append(given["value"])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if {"style", "title"} & set(self.open[-1:]):
            return
        self._now.words.append(data)
        if {"td", "th"} & set(self.open):
            self._now.tables[-1][-1][-1] += data

    def column(self, section: str, heading: str, table: int = 0) -> list[str]:
        """Return the cells below a heading, without their outer spaces."""
        head, *rows = self.sections[section].tables[table]
        place = [" ".join(cell.split()) for cell in head].index(heading)
        return [" ".join(row[place].split()) for row in rows]
