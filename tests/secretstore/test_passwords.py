"""Password policies as Vault has them, and passwords that obey them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.secretstore.passwords import DEFAULT_POLICY, PasswordPolicy, PolicyError, read_policy
from tests.secretstore.texts import BASIC

# As the framework's schema has it: all on few lines, and a '$' and a quote among the characters.
ADVANCED = (
    'length=20\nrule "charset" { charset = "abc\\"\\\\" min-chars = 3 } rule "charset" {charset="!@#$%^&*" min-chars=2}'
)


def test_a_policy_is_read_as_the_framework_writes_it() -> None:
    found = read_policy(ADVANCED)

    assert found.length == 20
    assert [(rule.charset, rule.least) for rule in found.rules] == [('abc"\\', 3), ("!@#$%^&*", 2)]


def test_comments_and_other_spacing_change_nothing() -> None:
    spread = (
        'length = 10 # characters\n// rules\nrule "charset" {\n  charset = "ab"\n  min-chars = 1\n}\n/* that\nis all */'
    )

    assert read_policy(spread) == PasswordPolicy(
        spread, 10, read_policy('length=10 rule "charset" {charset="ab" min-chars=1}').rules
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the length is missing"),
        ("length = 3\n" + BASIC.partition("\n")[2], "the length is 3"),
        ("length = 10", 'no rule "charset"'),
        ('length = 10\nrule "Charset" {}', "a rule 'Charset' is not known"),
        ('length = 10\nrule "charset" { min-chars = 1 }', "no charset"),
        ('length = 10\nrule "charset" { charset = "ab" min_chars = 1 }', "'min_chars' has no meaning in a rule"),
        ('length = 4\nrule "charset" { charset = "ab" min-chars = 5 }', "ask for 5 characters of a password of 4"),
        ('length = ten', "expected a number, found 'ten'"),
        ('length = 10\nrule "charset" { charset = "ab" ', "expected '}', found the end"),
        ('lenght = 10', "'lenght' has no meaning here"),
        ('length = 10\n$', "line 2 cannot be read"),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_be_obeyed_says_why(text: str, words: str) -> None:
    with pytest.raises(PolicyError, match=words.replace("(", r"\(").replace("$", r"\$")):
        read_policy(text)


@given(
    least=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    more=st.integers(0, 20),
)
def test_a_password_has_the_length_and_enough_of_each_set(least: list[int], more: int) -> None:
    sets = ["abcdef", "ABCDEF", "0123", "!@#%"]
    length = max(4, sum(least) + more)
    rules = "".join(
        f'rule "charset" {{ charset = "{signs}" min-chars = {number} }}\n'
        for signs, number in zip(sets, least, strict=False)
    )
    policy = read_policy(f"length = {length}\n{rules}")

    password = policy.generate().text()

    assert len(password) == length
    assert policy.accepts(password)
    assert set(password) <= set("".join(sets[: len(least)]))
    assert not policy.accepts(password[1:])


def test_passwords_differ_and_use_every_place_for_every_set() -> None:
    passwords = [DEFAULT_POLICY.generate().text() for _ in range(400)]

    assert len(set(passwords)) == 400
    # Were the characters of the rules not shuffled, the first would always be a small letter.
    assert {password[0].islower() for password in passwords} == {True, False}
    assert {password[-1].isdigit() for password in passwords} == {True, False}
