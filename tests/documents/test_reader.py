"""Reading YAML: as Helm reads it, with places and findings, and never another error."""

from __future__ import annotations

from contextlib import suppress

import helm_python
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medpattern.documents.reader import MAX_DEPTH, Document, parse_file, parse_stream, parse_text
from medpattern.errors import InputError
from medpattern.findings import Finding
from tests.documents.helm import read_by_helm, same


def findings_of(text: str | bytes) -> list[Finding]:
    with pytest.raises(InputError) as caught:
        parse_file("f.yaml", text if isinstance(text, bytes) else text.encode())
    return list(caught.value.findings)


# As Helm ----------------------------------------------------------------------------------------------

SCALARS = (
    "", "~", "null", "Null", "NULL", "nUll", "y", "Y", "yes", "Yes", "YES", "yEs", "n", "N", "no", "on", "On", "ON",
    "off", "OFF", "true", "True", "TRUE", "tRue", "false", "0", "-0", "+0", "00", "007", "08", "09", "0o14", "0O14",
    "-0o14", "0x1F", "0X1f", "-0x1f", "+0x1f", "0b101", "-0b1", "0b2", "1_000", "_1", "1_", "1__0", "0x_1", "0_7",
    "+1", "-1", "1e3", "1E3", "1e+3", "1e-3", "1.", ".5", "-.5", "+.5", ".", "-", "+", "1.5e3", "1.5.2", "1e", "e1",
    "1_0.5", "3.0", "6.02e23", "1e400", "-1e400", "1e-400", "9007199254740992", "9007199254740993", "604800000",
    "18446744073709551615", "18446744073709551616", "-9223372036854775808", "123456789012345678901234567890",
    "2020-01-01", "2020-01-01T00:00:00Z", "12:30:45", "1:20", "190:20:30", "=", "<", "1,000", "0x", "0b", "0o", "1 2",
    "a b", "a: b", "!!str 1", "!!int 1", '!!int "1"', "!!float 1", "!!float 1.5", "!!bool yes", "!!null x", "!!str",
    "!!bool maybe", "!!int 1.5", "!!int yes", "!!float yes", "'y'", '"1e3"', "'007'", '"a\\x41\\u263a\\n"', "'it''s'",
    "|\n  a\n  b", ">\n  a\n  b", "|-\n  a", "|+\n  a\n\n", "{}", "[]", "{a: y, b: [on, 1e3]}", "[a, , b]", "&x 1",
    "*x", "1:2", "a#b", "a #b", "é", "0.1", "1e21", "0xFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFFF",
    "-0x8000000000000001", "0o7777777777777777777777", "02000000000000000000000", "9" * 309, "9" * 5000,
    "-" + "9" * 5000, "0" * 5000, "1e20", "0.000001", "0.0000001", "1.0e-7",
)  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_a_scalar_means_what_helm_reads(text: str) -> None:
    """Or it is refused: never something else."""
    whole = f"key: {text}\n"
    helm = read_by_helm(whole)
    try:
        ours = parse_text("f", whole).data
    except InputError:
        assert helm is None or text.startswith("!")
        return
    assert helm is not None
    assert same(ours, helm), (ours, helm)


KEYS = (
    "1",
    "1.5",
    "1e3",
    "0x10",
    "007",
    "y",
    "true",
    "off",
    "2020-01-01",
    "12:30",
    "'1'",
    '"y"',
    "a b",
    "a.b/c",
    "-1",
    "3.0",
    "~x",
)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_means_what_helm_reads(key: str) -> None:
    text = f"{key}: x\n"
    assert parse_text("f", text).data == helm_python.values_from_yaml(text)


DOCUMENTS = (
    "a: 1\nb:\n- c\n-   - d\n",
    "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n",
    "a: &x {b: 1}\ne: &y {b: 2, c: 3}\nd:\n  <<: [*x, *y]\n",
    "d:\n  c: 3\n  <<: {c: 4, e: 5}\n",
    '"<<": {a: 1}\n',
    "a: |2\n   b\n  c\nd: >+\n  e\n  f\n\n\n",
    "a: 'b\n  c\n\n  d'\n",
    'a: "b\\\n  c\\\n  d"\n',
    "a: b\n  c\n  d\n",
    "? a\n: b\n",
    "a:\n  - b: 1\n    c: 2\n  -\n    d\n",
    "# only a comment\n",
    "",
    "---\na: 1\n",
    "---\na: 1\n...\n",
    "%YAML 1.1\n---\na: y\n",
    "a: b # c\nd: 'e' # f\n",
    "a: {b: c, 'd': \"e\", f: [g, {h: i}]}\n",
    "a: *x\n",
    "a: 1\na: 2\n",
    "a: [\n",
    "a:\n\t- b\n",
    "\ufeffa: 1\n",
    "a: 1\r\nb: 2\r\n",
)


@pytest.mark.parametrize("text", DOCUMENTS)
def test_a_document_means_what_helm_reads(text: str) -> None:
    helm = read_by_helm(text)
    try:
        ours = parse_text("f", text).data
    except InputError:
        assert helm is None or text.startswith("a: 1\na: 2"), helm
        return
    assert same(ours or {}, helm), (ours, helm)


PIECES = st.sampled_from(
    [*"-+.0123456789eExXoOb_aynt~:#,[]{}&*!|>'\"% \n", "yes", "no", "null", ".inf", ".nan", "\\n", "<<", "é"]
)


@settings(max_examples=400)
@given(st.lists(PIECES, max_size=7).map("".join))
@example("0b_1")
@example("1_e3")
def test_arbitrary_scalars_mean_what_helm_reads(text: str) -> None:
    whole = f"key: {text}\n"
    try:
        ours = parse_text("f", whole).data
    except InputError:
        return
    helm = read_by_helm(whole)
    assert helm is None or same(ours, helm), (ours, helm)


# Places -----------------------------------------------------------------------------------------------

TEXT = """\
a:
  b: 1
  8080: [x, {z: 2}]
  "q.r": {s: t}
  y: on
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 1, 1),
        (("a",), 1, 1),
        (("a", "b"), 2, 3),
        (("a", "8080"), 3, 3),
        (("a", "8080", 0), 3, 10),
        (("a", "8080", 1, "z"), 3, 14),
        (("a", "q.r", "s"), 4, 11),
        (("a", "true"), 5, 3),
        (("a", "gone", "deeper"), 1, 1),
        (("a", "8080", 7), 3, 3),
        (("gone",), 1, 1),
    ],
)
def test_every_path_has_a_place(path: tuple[str | int, ...], line: int, column: int) -> None:
    place = parse_text("f.yaml", TEXT).place(path)
    assert (place.file, place.line, place.column) == ("f.yaml", line, column)


def test_an_empty_document_has_a_place() -> None:
    assert Document("f.yaml", None).place(("a",)).line == 1
    assert parse_text("f.yaml", "").data is None


# Findings ---------------------------------------------------------------------------------------------

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: 1\nb: [1\nc: 2\n", "yaml-syntax", 3, None),
        ("a: b: c\n", "yaml-syntax", 1, 5),
        ("a:\n\tb: 1\n", "yaml-syntax", 2, 1),
        ("a: *gone\n", "yaml-syntax", 1, 4),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "duplicate-key", 4, 3),
        ("1: a\n'1': b\n", "duplicate-key", 2, 1),
        ("on: a\ntrue: b\n", "duplicate-key", 2, 1),
        ("a: !Ref x\n", "yaml-tag", 1, 4),
        ("a: !!set {x}\n", "yaml-tag", 1, 4),
        ("a: !!int x\n", "yaml-tag", 1, 4),
        ("a:\n- !!python/object:os.system {}\n", "yaml-tag", 2, 3),
        ("? [a]\n: 1\n", "yaml-key", 1, 3),
        ("a: 1\n~: 2\n", "yaml-key", 2, 1),
        ("a: &x\n  b: *x\n", "yaml-cycle", 1, 4),
        ("a: {<<: 1}\n", "yaml-merge-key", 1, 9),
        (BOMB, "yaml-bomb", None, None),
        ("[" * 100_000, "yaml-too-deep", 1, None),
        ("{" * 5_000, "yaml-too-deep", 1, None),
        ("\n".join(" " * n + "a:" for n in range(MAX_DEPTH + 5)), "yaml-too-deep", None, None),
        ("- " * (MAX_DEPTH + 5) + "a\n", "yaml-too-deep", 1, None),
        ("a: 1\n---\nb: 2\n", "yaml-several-documents", 3, 1),
        ("a: \x01\n", "yaml-character", 1, 4),
    ],
)
def test_a_finding_names_its_place(text: str, code: str, line: int | None, column: int | None) -> None:
    (found,) = findings_of(text)
    assert found.code == code
    if line:
        assert found.place.line == line
    if column:
        assert found.place.column == column
    assert found.message


def test_a_bomb_costs_little() -> None:
    assert len(BOMB) < 600
    with pytest.raises(InputError):
        parse_text("f", BOMB)


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [(b"a: 1\nb: \xff\n", 2, 4), (b"\xfe\xff\x00a", 1, 1), ("a: é".encode("latin-1"), 1, 4)],
)
def test_what_is_not_utf8_names_its_place(content: bytes, line: int, column: int) -> None:
    (found,) = findings_of(content)
    assert (found.code, found.place.line, found.place.column) == ("not-utf8", line, column)


def test_all_findings_of_a_document_come_at_once() -> None:
    found = findings_of("a: !x 1\nb: 1\nb: 2\nc: {<<: 3}\n")
    assert {one.code for one in found} == {"yaml-tag", "duplicate-key", "yaml-merge-key"}


def test_a_stream_keeps_its_empty_documents() -> None:
    assert [document.data for document in parse_stream("f", "---\na: 1\n---\n# none\n---\n- b\n")] == [
        {"a": 1},
        None,
        ["b"],
    ]


def test_a_list_within_the_depth_is_read() -> None:
    deep = MAX_DEPTH - 5
    data = parse_text("f", "[" * deep + "]" * deep).data
    for _ in range(deep - 1):
        (data,) = data
    assert data == []


def test_brackets_in_strings_are_no_depth() -> None:
    text = "a: |\n" + "  [[[[ {{{{ \n" * 50 + "b: '" + "[" * 5000 + "'\n"
    assert parse_text("f", text).data["b"] == "[" * 5000


@settings(max_examples=300)
@given(st.binary(max_size=40) | st.lists(PIECES, max_size=25).map(lambda pieces: "".join(pieces).encode()))
@example(b"\xef\xbb\xbf")
@example(b"? ? ? ?")
@example(b"a: " + b"9" * 5000)
@example(b"a: !!int " + b"9" * 5000)
@example(b"9" * 5000 + b": a")
@example(b"a: !!float " + b"9" * 5000)
@example(b"a: !!float .inf")
@example(b"!!int a: b")
@example(b"!!map a")
@example(b"!!str [a]")
@example(b"!<")
@example(b"%TAG ! a\n---\n!a b")
@example(b"a: !!float x")
@example(b"a: !!int 0b")
@example(b"a: !!binary \xc3\xa9")
@example(b"a: !!timestamp x")
@example(b"a: !!null x")
@example(b"a: !!bool maybe")
@example(b"a: &a\n  <<: *a\n")
@example(b"<<: [*a]")
@example(b"? &a [*a]\n: b")
def test_arbitrary_bytes_raise_nothing_but_findings(content: bytes) -> None:
    with suppress(InputError):
        parse_file("f", content)
