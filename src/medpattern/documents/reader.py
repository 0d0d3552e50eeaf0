"""YAML text -> plain data, with the place of every key, and a finding for whatever is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from medpattern.documents.nodes import MAX_DEPTH, Composer, Constructor, at, step
from medpattern.errors import InputError
from medpattern.findings import Finding, KeyPath, Place

_LADDER = re.compile(rf"^ *(?:[-?] +){{{5 * MAX_DEPTH}}}", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One YAML file: `data` as plain Python values; `place()` knows where each key stood.

    A file of its own keeps its `text` and finds positions when somebody asks, which saves a thousand
    clusters' worth of memory; one document of a stream keeps its `nodes`.
    """

    file: str
    data: Any
    text: str = field(repr=False, compare=False, default="")
    nodes: yaml.Node | None = field(repr=False, compare=False, default=None)

    @property
    def root(self) -> yaml.Node | None:
        """The root node of the parsed text."""
        return self.nodes or _compose(self.text)

    def place(self, path: KeyPath) -> Place:
        """The position of the deepest part of `path` that the file has (its key, for a map entry)."""
        line, column = _position(self.text, path) if self.nodes is None else _walk(self.nodes, path)
        return Place(self.file, line, column)


@lru_cache(maxsize=4096)
def _position(text: str, path: KeyPath) -> tuple[int, int]:
    """Kept, since the clusters of a group ask for the same places over and over."""
    return _walk(_compose(text), path)


def _walk(node: yaml.Node | None, path: KeyPath) -> tuple[int, int]:
    mark = None
    if node is None:
        return 1, 1
    root = node
    for key in path:
        found = step(node, key)
        if found is None:
            break
        mark, node = found
    if mark is None:
        return (1, 1) if path else at(root)
    return mark.line + 1, mark.column + 1


def parse_file(file: str, content: bytes) -> Document:
    """Reads the one document in `content`.

    Raises:
        InputError: not UTF-8, not YAML, several documents, duplicate or odd keys, unknown tags, too deep
            or too large once its aliases are expanded. All findings of the file are in it.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise InputError([_encoding_finding(Place(file, line, column), error)]) from error
    return parse_text(file, text)


def parse_text(file: str, text: str) -> Document:
    """As `parse_file`, for text that is already decoded."""
    documents = parse_stream(file, text)
    if len(documents) > 1:
        root = documents[1].root
        place = Place(file, *at(root)) if root else Place(file)
        raise InputError(
            [Finding("yaml-several-documents", "a second YAML document begins here", place, cure="keep one")]
        )
    return Document(file, documents[0].data if documents else None, text)


def check_syntax(file: str, content: bytes) -> None:
    """Runs the parser over `content` and keeps nothing: eight times faster than `parse_file`.

    Raises:
        InputError: it is not YAML.
    """
    try:
        CParser(content).raw_parse()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise InputError([_syntax_finding(Place(file, mark.line + 1 if mark else 0), error)]) from error


@lru_cache(maxsize=32)
def _compose(text: str) -> yaml.Node | None:
    """The node tree of a text that has been parsed before."""
    composer = Composer(text)
    try:
        return composer.get_single_node()
    finally:
        composer.dispose()


def parse_stream(file: str, text: str) -> list[Document]:
    """All documents of a YAML stream; empty ones are kept, with `data` None.

    Raises:
        InputError: as for `parse_file`, several documents excepted.
    """
    _refuse_deep_flow(file, text)
    composer = Composer(text)
    documents = []
    try:
        while composer.check_node():
            node = composer.get_node()
            assert node is not None
            documents.append(Document(file, Constructor(file).build(node), nodes=node))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        raise InputError([_syntax_finding(place, error, text)]) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise InputError([Finding("yaml-character", str(error.reason), place, cure="remove it")]) from error
    finally:
        composer.dispose()
    return documents


def _refuse_deep_flow(file: str, text: str) -> None:
    """The C parser recurses on `[[[[` and `- - - -`: stop before its stack does."""
    ladder = _LADDER.search(text)
    if ladder:
        raise _too_deep(Place(file, text.count("\n", 0, ladder.start()) + 1, 1))
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        opened = line.count("[") + line.count("{")
        if opened <= MAX_DEPTH and depth + opened <= 10 * MAX_DEPTH:
            depth = max(0, depth + opened - line.count("]") - line.count("}"))
            continue
        column, quoted, level = 0, "", depth
        for column, char in enumerate(line, 1):
            if quoted:
                quoted = "" if char == quoted else quoted
            elif char in "\"'":
                quoted = char
            elif char in "[{":
                level += 1
            elif char in "]}":
                level -= 1
            if level > 5 * MAX_DEPTH:
                raise _too_deep(Place(file, number, column))
        depth = max(0, level)


def _too_deep(place: Place) -> InputError:
    return InputError([Finding("yaml-too-deep", f"nested deeper than {MAX_DEPTH} levels", place, cure="flatten it")])


def _encoding_finding(place: Place, error: UnicodeDecodeError) -> Finding:
    return Finding("not-utf8", f"the file is not UTF-8 ({error.reason})", place, cure="save it as UTF-8")


def _syntax_finding(place: Place, error: yaml.MarkedYAMLError, text: str = "") -> Finding:
    problem = (error.problem or "cannot be read").replace("\n", " ")
    context = f" ({error.context})" if error.context else ""
    line = text.split("\n")[place.line - 1] if text and 0 < place.line <= text.count("\n") + 1 else ""
    tab = "\t" in line[: place.column] or line[place.column - 1 : place.column] == "\t"
    cure = "YAML is indented with spaces, never tabs" if tab else ""
    return Finding("yaml-syntax", f"not YAML: {problem}{context}", place, cure=cure)
