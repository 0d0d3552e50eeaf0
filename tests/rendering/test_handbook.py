"""Every code has its section, and a section says what, why and how to mend it."""

from __future__ import annotations

import re

import pytest

from medpattern.errors import UsageError
from medpattern.rendering.handbook import in_short, section, sections


@pytest.mark.parametrize("code", sections())
def test_a_section_says_what_and_how_to_mend_it(code: str) -> None:
    text = section(code)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    examples = re.findall(rf"^.*\[{re.escape(code)}\].*$", text, re.MULTILINE)

    assert len(prose.split()) >= 5, "it says what it means"
    assert examples, "it shows a finding"
    sentences = re.findall(r"[A-Z`\d][^.]{8,}[.:](?:\s|$)", prose)
    assert any("; " in example for example in examples) or len(sentences) >= 2, "it says how to mend it"


def test_a_section_ends_where_the_next_begins() -> None:
    for text in sections().values():
        assert not re.search(
            r"^#{1,3} [^#]", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
        )


def test_the_first_paragraph_stands_on_one_line_without_links() -> None:
    for code in sections():
        assert in_short(code)
        assert "\n" not in in_short(code)
        assert "](" not in in_short(code)


def test_an_unknown_code_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'missing-digest'"):
        section("missing-digests")
