"""What a credential looks like: known forms, names that say so, and text that looks drawn by lot."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

# What each form is, by those who issue it. None of them occurs by chance.
FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})")),
    ("a GitLab token", re.compile(r"\bgl(?:pat|dt|rt)-[A-Za-z0-9_-]{20,}")),
    ("a Vault token", re.compile(r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a Slack webhook", re.compile(r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+")),
    ("a Google key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("an npm, Docker or Grafana token", re.compile(r"\b(?:npm_[A-Za-z0-9]{36}|dckr_pat_[\w-]{20,}|glsa_[\w]{32,})")),
    ("a JSON web token", re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")),
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----|AGE-SECRET-KEY-1[0-9A-Z]{50,}")),
)
# One of these is in each of them.
_ANY_MARK = re.compile(
    r"AKIA|ASIA|gh[pousr]_|github_pat_|gl(?:pat|dt|rt)-|hv[sbr]\.|xox[abprs]-|hooks\.slack|AIza|npm_|dckr_pat_|glsa_"
    r"|eyJ|PRIVATE KEY|AGE-SECRET"
)
_IN_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@\"'{}$<]*:([^\s/@\"']+)@[\w\[]", re.IGNORECASE)
_SAYS = r"(?:password|passwd|passphrase|token|api[_-]?key|secret[_-]?key|access[_-]?key|client[_-]?secret)"
_SAID = re.compile(_SAYS, re.IGNORECASE)
_OPTION = re.compile(rf"--?(?:[\w-]+[-_])?{_SAYS}[= ]([^\s\"']+)", re.IGNORECASE)
_SETTING = re.compile(rf"(?:^|[\s;,&?]){_SAYS}\s*=\s*[\"']?([^\s;,&\"']+)", re.IGNORECASE)
_LINE = re.compile(
    rf"^\s*[\"']?(?:[\w.-]+[_.-])?{_SAYS}[\"']?\s*[:=]\s*[\"']?([^\s\"',;]+)", re.IGNORECASE | re.MULTILINE
)
# Names that hold a credential, unless they go on to say that it stands elsewhere. A field that is called `secret` or
# `existingSecret` names a Secret.
_NAME = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|TOKEN|API_?KEY|ACCESS_KEY(?:_ID)?|SECRET_KEY|PRIVATE_KEY)$"
    r"|(?:^|_)(?:CLIENT|APP|API|SHARED|WEBHOOK|OAUTH2?|OIDC|JWT|COOKIE|SESSION|SIGNING|HMAC)_SECRET$"
)
_NO_LETTER = re.compile(r"[^A-Z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# A reference, a path, a switch, a number or a duration: what stands for a credential, or says something about it.
_HARMLESS = re.compile(
    r"\s*|[/.~].*|\$.*|.*\{\{.*\}\}.*|<.*>|%[({].*|true|false|null|none|yes|no|on|off|enabled|disabled|required|optional"
    r"|[\d.]+[a-zA-Z%]{0,2}|[*x]+|(?:https?|file|vault|kafka|s3|secret|env)://[^@]*|SCRAM-SHA-\d+|PLAIN|external|file"
    r"|[a-z][a-zA-Z]+Ref|S256|RS256|ES256|bearer|basic|oauth2?",
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r"[A-Za-z0-9+/_-]{24,200}={0,2}")
_TOO_LONG = 4096
# Certificates and public keys look drawn by lot, and are for everybody.
_PUBLIC = re.compile(
    r"-----BEGIN (?:TRUSTED )?(?:CERTIFICATE(?: REQUEST)?|X509 CRL|(?:RSA )?PUBLIC KEY)-----.*?-----END [A-Z0-9 ]+-----"
    r"|\b(?:ssh-\w+|ecdsa-[\w-]+|sk-[\w@.-]+) AAAA[A-Za-z0-9+/=]+",
    re.DOTALL,
)
_SETTINGS = (".yaml", ".yml", ".properties", ".conf", ".cfg", ".ini", ".env", ".toml", ".json")
# Programs name and pass on what is secret, so only the forms above count there.
_SCRIPTS = (".py", ".sh", ".js", ".lua", ".go", ".rb", ".sql", ".md")


def credential(name: str, text: str) -> str:
    """What `text`, the value of `name`, looks like; "" if it looks like no credential.

    The answer never quotes the text.

    >>> credential("DATABASE_URL", "postgresql://app:hunter2@db/results")
    'a URL with a password'
    >>> credential("MEDPATTERN_KEY_FILE", "/etc/medpattern/keys/identity")
    ''
    """
    if _ANY_MARK.search(text):
        for told, form in FORMS:
            if form.search(text):
                return told
    if "://" in text and any(not _HARMLESS.fullmatch(match) for match in _IN_URL.findall(text)):
        return "a URL with a password"
    if name.endswith(_SCRIPTS):
        return ""
    settings: list[str] = []
    if _SAID.search(text):
        # Several lines are a program, or a file in a form of its own.
        settings += (*_OPTION.findall(text), *_SETTING.findall(text)) if "\n" not in text.strip() else ()
        settings += _LINE.findall(text) if name.endswith(_SETTINGS) else ()
    if any(not _HARMLESS.fullmatch(match) for match in settings):
        return "a password among settings"
    if says_credential(name) and not _HARMLESS.fullmatch(text):
        return f"the value of '{name}'"
    return "text that looks drawn by lot" if any(_looks_drawn(word) for word in _words(text)) else ""


def says_credential(name: str) -> bool:
    """Whether the name of a setting says that its value is a credential: `DB_PASSWORD`, `apiToken`."""
    return bool(_NAME.search(_NO_LETTER.sub("_", _CAMEL.sub("_", name).upper())))


def _words(text: str) -> Iterator[str]:
    if len(text) <= _TOO_LONG:
        yield from _WORD.findall(_PUBLIC.sub("", text))


def _looks_drawn(word: str) -> bool:
    """Whether capitals, small letters and digits follow each other without order, and hardly one is repeated.

    Sums in hexadecimal, paths, names and words in camel case have another order: their classes change rarely, or
    they use few characters.
    """
    classes = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in word if c.isalnum()]
    if len(set(classes)) < 3 or len(classes) < 20:
        return False
    changes = sum(a != b for a, b in pairwise(classes)) / len(classes)
    return changes > 0.4 and _entropy(word) > 0.8 * math.log2(min(len(word), 64))


def _entropy(text: str) -> float:
    """Shannon's entropy in bits per character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
