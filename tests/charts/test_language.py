"""What an author of a chart source meets: the language, and its faults with file, line and cure."""

from __future__ import annotations

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.charts.builder import MARK_CLOSE, MARK_OPEN
from medpattern.charts.language import conditions_around, mark_lines
from tests.charts.small import HEAD, fault, faults, generate, made, small


@pytest.mark.parametrize(
    "expression",
    [
        "values.broker.hots",
        'value("broker.hots")',
        'value(values.broker, "hots")',
        'text("{broker.hots}")',
        'text("{b.hots}", b=values.broker)',
        'present("broker.hots")',
        'lines("broker.hots")',
    ],
)
def test_an_unknown_value_names_the_nearest_known_one(expression: str) -> None:
    found = fault(f"{HEAD}data:\n  a: b\n  host: [[ {expression} ]]\n", {"broker": {"host": "a", "port": 1}})
    assert found.place.line == 7
    assert "broker.hots" in found.message
    assert "did you mean 'host'?" in found.message


@pytest.mark.parametrize(
    ("template", "line", "says"),
    [
        (HEAD + "[% if values.a %]\n", 5, "end"),
        (HEAD + "a: [[ values.a | nofilter ]]\n", 5, "nofilter"),
        (HEAD + "a: [[ nothing ]]\n", 5, "nothing"),
        (HEAD + "a: [[ values.a ]\n", 5, "not a template"),
        (HEAD + 'a: [[ files("none.conf") ]]\n', 5, "none.conf"),
        (HEAD + "a: [[ values.a.__class__ ]]\n", 5, "__class__"),
        (HEAD + "[% for x in values.map %]\n[[ x ]]: [[ value(x) ]]\n[% endfor %]\n", 6, "values have no k"),
        (HEAD + "a: [[ values.map ]]\n", 5, "value('map')"),
        (HEAD + "a: [[ values.list[2] ]]\n", 5, "no item 2"),
        (HEAD + 'a: [[ value("list.2") ]]\n', 5, "values have no list[2]"),
        (HEAD + 'a: [[ value("") ]]\n', 5, ""),
        (HEAD + "a: [[ value('\"a') ]]\n", 5, "unclosed"),
        (HEAD + "a: [[ value(none) ]]\n", 5, "None"),
        (HEAD + 'a: [[ text("{x.a}", x=values.a) ]]\n', 5, "x is no item"),
    ],
)
def test_a_fault_names_its_line(template: str, line: int, says: str) -> None:
    found = fault(template, {"a": "x", "map": {"k": "v"}, "list": [1]})
    assert found.place.line == line
    assert says in found.message


def test_every_template_reports_its_first_fault() -> None:
    found = faults({"a.yaml": "[[ x ]]", "b.yaml": HEAD, "c.yaml": "\n[[ y ]]"}, {"a": 1})
    assert [(one.place.file, one.place.line) for one in found] == [
        ("charts/small/templates/a.yaml", 1),
        ("charts/small/templates/c.yaml", 2),
    ]


@pytest.mark.parametrize(
    ("template", "line"),
    [
        (f"{HEAD}data:\n  a: [1\n  b: 2\n", 7),
        (f"{HEAD}data:\n[% if values.on %]\n\n[# #]\n  a: b: c\n[% endif %]\n", 9),
        (f"{HEAD}data:\n  a: 1\n  [% if values.on %]\n  a: 2\n  [% endif %]\n", 8),
    ],
)
def test_what_is_not_yaml_names_the_line_of_the_template(template: str, line: int) -> None:
    found = fault(template, {"on": True})
    assert found.place.line == line
    assert "the template's output is" in found.message


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("apiVersion: v1\nmetadata: {name: a}\n", "kind is missing"),
        ("kind: Pod\nmetadata: {name: a}\n", "apiVersion is missing"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {labels: {}}\n", "metadata.name is missing"),
        ("apiVersion: v1\nkind: Pod\n", "metadata.name is missing"),
        ('apiVersion: v1\nkind: Pod\nmetadata: {name: [[ value("a") ]]}\n', "metadata.name must be structural"),
        (HEAD + '  namespace: [[ value("a") ]]\n', "metadata.namespace must be structural"),
        ("- a\n- b\n", "this is none"),
        ("just text\n", "this is none"),
    ],
)
def test_what_is_no_object_is_refused(template: str, says: str) -> None:
    assert says in fault(template, {"a": "x"}).message


def test_two_objects_of_one_name_are_refused() -> None:
    (found,) = faults({"a.yaml": HEAD, "b.yaml": HEAD}, {"a": 1})
    assert "ConfigMap/made" in found.message
    assert "a.yaml" in found.message
    assert found.place.file.endswith("b.yaml")


def test_a_constant_file_is_included() -> None:
    template = HEAD + 'data:\n  rules: |\n    [[ files("r.conf") | indent(4) ]]\n'
    (found,) = generate(small(template, {"a": 1}, files={"r.conf": "a {{ b }}\n c\n"})).hydrate("ward-7")
    assert found["data"]["rules"] == "a {{ b }}\n c\n"


def test_an_image_has_a_digest_once_it_is_known() -> None:
    image = {"registry": "quay.io", "repository": "a/b", "tag": "1", "digest": ""}
    template = HEAD + 'image: [[ image("image") ]]\n'
    assert made(template, {"image": image})["image"] == "quay.io/a/b:1"
    digest = "sha256:" + "0" * 64
    assert made(template, {"image": {**image, "digest": digest}})["image"] == f"quay.io/a/b:1@{digest}"


def test_a_structural_key_of_any_characters_can_be_quoted() -> None:
    labels = {"a: b": "1", "\N{GRINNING FACE}": "2", "<&'\">": "3", "yes": "4"}
    template = (
        HEAD
        + "  labels:\n[% for k in values.labels %]\n    [[ k | tojson ]]: [[ value(values.labels, k) ]]\n[% endfor %]\n"
    )
    assert made(template, {"labels": labels})["metadata"]["labels"] == labels


# Line marks -------------------------------------------------------------------------------------------

PIECES = (
    "a: 1", "  b: [[ x ]]", "[% if x %]", "  [% if not x %]", "[% else %]", "[% endif %]", "[% for i in y %]",
    "[% endfor %]", "[# comment #]", "[# two\nlines #]", "[[ x\n+ 1 ]]", "", "   ", "\t",
    "text [% if x %]in[% endif %] line", "é ☺", "- c  ", "[% set z = x %]", "[[ x ]]", "  [[ x ]] and [[ x ]]",
)  # fmt: skip


def printed(template: str) -> str:
    environment = jinja2.Environment(
        block_start_string="[%", block_end_string="%]", variable_start_string="[[", variable_end_string="]]",
        comment_start_string="[#", comment_end_string="#]", trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,  # noqa: S701
    )  # fmt: skip
    return environment.from_string(template).render(x=1, y=[1, 2])


def unmarked(text: str) -> str:
    while MARK_OPEN in text:
        before, _, rest = text.partition(MARK_OPEN)
        text = before + rest.partition(MARK_CLOSE)[2]
    return text


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_line_marks_leave_the_bytes_equal(pieces: list[str]) -> None:
    template = "\n".join(pieces)
    try:
        plain = printed(template)
    except jinja2.TemplateSyntaxError:
        with pytest.raises(jinja2.TemplateSyntaxError):
            printed(mark_lines(template))
        return
    assert unmarked(printed(mark_lines(template))) == plain


@pytest.mark.parametrize(
    "template",
    [
        "a\n  [[- x ]]\nb",
        "a\n[% if x -%]\n   b\n[%- endif %]\nc",
        "[[ x -]]\n  b",
        "[#- c -#]\n  a",
        "a\n  [%- if x %]b[% endif %]",
    ],
)
def test_line_marks_obey_whitespace_control(template: str) -> None:
    assert unmarked(printed(mark_lines(template))) == printed(template)


TEMPLATE = """\
kind: A
[% if values.tls %]
tls: true
[%- if values.deep > 1 %]
deep: 1
[% elif values.deep %]
deep: 2
[% else %]
deep: 3
[% endif %]
[% else %]
tls: false
[% endif %]
[% for t in values.topics %]
- [[ t ]]
[% endfor %]
end: 1
"""


@pytest.mark.parametrize(
    ("line", "around"),
    [
        (1, []),
        (3, [(2, "if values.tls")]),
        (5, [(2, "if values.tls"), (4, "if values.deep > 1")]),
        (7, [(2, "if values.tls"), (6, "elif values.deep")]),
        (9, [(2, "if values.tls"), (8, "else of: elif values.deep")]),
        (12, [(11, "else of: if values.tls")]),
        (15, [(14, "for t in values.topics")]),
        (17, []),
    ],
)
def test_the_conditions_around_a_line(line: int, around: list[tuple[int, str]]) -> None:
    assert conditions_around(TEMPLATE, line) == around


@pytest.mark.parametrize("where", [("data", "tls"), ("data", "list", 1), ("data", "loop-2")])
def test_a_field_knows_the_template_line_that_made_it(where: tuple[str | int, ...]) -> None:
    template = (
        HEAD + "data:\n[% if values.tls %]\n  tls: true # data.tls\n[% endif %]\n  list:\n  - a\n  - b # data.list.1\n"
        "[% for i in [1, 2] %]\n  loop-[[ i ]]: x # data.loop-2\n[% endfor %]\n"
    )
    (found,) = generate(small(template, {"tls": True})).structure.objects
    number = found.line_of(where)
    assert template.split("\n")[number - 1].endswith("# " + ".".join(map(str, where)))
