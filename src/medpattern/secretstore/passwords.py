"""Password policies as Vault and OpenBao have them, and passwords that obey them.

A policy is text in the first HashiCorp Configuration Language:

    length = 20
    rule "charset" { charset = "abcdefghijklmnopqrstuvwxyz" min-chars = 1 }

https://developer.hashicorp.com/vault/docs/concepts/password-policies
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from medpattern.secretstore.hidden import Hidden

# Vault's own limits: a shorter password is refused there; a longer one is nothing that a login takes.
SHORTEST, LONGEST = 4, 1024

# The policy that the framework always has.
DEFAULT = "validatedPatternDefaultPolicy"
DEFAULT_TEXT = """\
length = 20
rule "charset" { charset = "abcdefghijklmnopqrstuvwxyz" min-chars = 1 }
rule "charset" { charset = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" min-chars = 1 }
rule "charset" { charset = "0123456789" min-chars = 1 }
rule "charset" { charset = "!@#%^&*" min-chars = 1 }
"""

_TOKEN = re.compile(
    r"""[ \t\r\n,;]+ | (?:\#|//)[^\n]* | /\*.*?\*/
      | (?P<text>"(?:[^"\\\n]|\\.)*") | (?P<number>\d+) | (?P<word>[A-Za-z][A-Za-z0-9_-]*) | (?P<sign>[={}])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


class PolicyError(ValueError):
    """A policy cannot be read or obeyed; the text says why and quotes nothing of a password."""


@dataclass(frozen=True, slots=True)
class CharsetRule:
    """At least `least` characters of the password are of `charset`."""

    charset: str
    least: int


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """`text` as it was written; `length` in characters; every character is of one of the rules' sets."""

    text: str
    length: int
    rules: tuple[CharsetRule, ...]

    def generate(self) -> Hidden:
        """A password by the operating system's generator of random numbers.

        Each rule's characters are drawn first, the rest from all sets together, and all are shuffled: unlike drawing
        until the rules hold, which Vault does, this ends for every policy.
        """
        every = "".join(dict.fromkeys("".join(rule.charset for rule in self.rules)))
        drawn = [secrets.choice(rule.charset) for rule in self.rules for _ in range(rule.least)]
        drawn += [secrets.choice(every) for _ in range(self.length - len(drawn))]
        secrets.SystemRandom().shuffle(drawn)
        return Hidden("".join(drawn))

    def accepts(self, password: str) -> bool:
        """Whether a password obeys the policy."""
        return len(password) >= self.length and all(
            sum(sign in rule.charset for sign in password) >= rule.least for rule in self.rules
        )


def read_policy(text: str) -> PasswordPolicy:
    """The policy in `text`.

    Raises:
        PolicyError: it cannot be read, has an unknown part, no rule, or rules that its length cannot satisfy.
    """
    tokens = list(_tokens(text))
    length, rules = 0, []
    while tokens:
        kind, word = tokens.pop(0)
        if (kind, word) == ("word", "length"):
            _take(tokens, "sign", "=")
            length = int(_take(tokens, "number"))
        elif (kind, word) == ("word", "rule"):
            rules.append(_rule(tokens))
        else:
            raise PolicyError(f"'{word}' has no meaning here; known: length, rule")
    return _sound(PasswordPolicy(text, length, tuple(rules)))


def _sound(policy: PasswordPolicy) -> PasswordPolicy:
    if not SHORTEST <= policy.length <= LONGEST:
        raise PolicyError(f"the length is {policy.length or 'missing'}; Vault takes {SHORTEST} and more")
    if not policy.rules:
        raise PolicyError('there is no rule "charset"')
    least = sum(rule.least for rule in policy.rules)
    if least > policy.length:
        raise PolicyError(f"the rules ask for {least} characters of a password of {policy.length}")
    return policy


def _rule(tokens: list[tuple[str, str]]) -> CharsetRule:
    name = _take(tokens, "text")
    if name != "charset":
        raise PolicyError(f"a rule '{name}' is not known; the only one is 'charset'")
    _take(tokens, "sign", "{")
    charset, least = "", 0
    while tokens and tokens[0] != ("sign", "}"):
        key = _take(tokens, "word")
        _take(tokens, "sign", "=")
        if key == "charset":
            charset = _take(tokens, "text")
        elif key == "min-chars":
            least = int(_take(tokens, "number"))
        else:
            raise PolicyError(f"'{key}' has no meaning in a rule; known: charset, min-chars")
    _take(tokens, "sign", "}")
    if not charset:
        raise PolicyError("a rule has no charset, or an empty one")
    return CharsetRule("".join(dict.fromkeys(charset)), least)


def _take(tokens: list[tuple[str, str]], kind: str, word: str = "") -> str:
    if not tokens or tokens[0][0] != kind or (word and tokens[0][1] != word):
        wanted = f"'{word}'" if word else {"text": "a quoted text", "number": "a number", "word": "a name"}[kind]
        raise PolicyError(f"expected {wanted}, found {repr(tokens[0][1]) if tokens else 'the end'}")
    return tokens.pop(0)[1]


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise PolicyError(f"line {text.count(chr(10), 0, at) + 1} cannot be read")
        at = found.end()
        if found.lastgroup == "text":
            yield "text", re.sub(r"\\(.)", lambda sign: _ESCAPES.get(sign[1], sign[1]), found["text"][1:-1])
        elif found.lastgroup:
            yield found.lastgroup, found[0]


DEFAULT_POLICY = read_policy(DEFAULT_TEXT)
