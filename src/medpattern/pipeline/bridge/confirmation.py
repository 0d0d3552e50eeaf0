"""Confirms a subscription of SNS: one GET, to hosts that were declared and no others."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from urllib.parse import parse_qs

from medpattern.pipeline.failures import Unavailable, Unprocessable

_SECONDS = 5.0
# A backslash is a slash to some parsers.
_PLAIN = re.compile(r"[!-\[\]-~]+")


def check_address(url: str, confirmers: AbstractSet[str]) -> None:
    """Refuses every address but a ConfirmSubscription of a declared HOST:PORT.

    Raises:
        Unprocessable: it is another, so that nobody can make the bridge ask servers of his choice.
    """
    # The parser of the client that will ask: two parsers may see two hosts in one text.
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    try:
        parts = parse_url(url)
    except LocationParseError:
        raise Unprocessable("sns-address", "SubscribeURL is no address") from None
    usual = {"http": 80, "https": 443}.get(parts.scheme or "")
    if usual is None or not _PLAIN.fullmatch(url):
        raise Unprocessable("sns-address", "SubscribeURL is no address of HTTP")
    port = parts.port or usual
    if parts.auth or f"{parts.host}:{port}".lower() not in confirmers:
        raise Unprocessable("sns-address", "the host of SubscribeURL is not declared (--sns-host)")
    if parse_qs(parts.query or "").get("Action") != ["ConfirmSubscription"]:
        raise Unprocessable("sns-address", "SubscribeURL confirms no subscription")


def confirm(url: str, confirmers: AbstractSet[str]) -> None:
    """Asks for `url`; follows no redirect.

    Raises:
        Unprocessable: as `check_address`.
        Unavailable: the host did not answer 2xx.
    """
    import urllib3

    check_address(url, confirmers)
    try:
        answer = urllib3.request("GET", url, redirect=False, retries=False, timeout=_SECONDS, preload_content=False)
    except urllib3.exceptions.HTTPError:
        raise Unavailable("s3", "the subscription was not confirmed: no answer") from None
    answer.close()
    if not 200 <= answer.status < 300:
        raise Unavailable("s3", f"the subscription was not confirmed: {answer.status}")
