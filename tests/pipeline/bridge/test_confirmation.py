from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.bridge.confirmation import check_address, confirm
from medpattern.pipeline.failures import Unavailable, Unprocessable
from tests.pipeline.bridge.http_server import answering

DECLARED = frozenset({"127.0.0.1:5000", "sns.example.org:443", "[::1]:5000"})
QUERY = "?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-east-1:1:t&Token=abc"


@pytest.mark.parametrize(
    "url", [f"http://127.0.0.1:5000/{QUERY}", f"https://SNS.example.org/{QUERY}", f"http://[::1]:5000/{QUERY}"]
)
def test_a_declared_host_may_be_asked(url: str) -> None:
    check_address(url, DECLARED)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no address",
        f"http://127.0.0.1/{QUERY}",
        f"http://127.0.0.1:5001/{QUERY}",
        f"http://169.254.169.254/latest/meta-data/{QUERY}",
        f"http://127.0.0.1:5000@169.254.169.254/{QUERY}",
        f"http://u:p@127.0.0.1:5000/{QUERY}",
        f"http://127.0.0.1:5000\\@evil.example/{QUERY}",
        f"http://127.0.0.1:5000.evil.example/{QUERY}",
        f"http://evil.example#@127.0.0.1:5000/{QUERY}",
        f"http://evil.example?@127.0.0.1:5000/{QUERY}",
        f"ftp://127.0.0.1:5000/{QUERY}",
        f"file:///etc/passwd{QUERY}",
        f"//127.0.0.1:5000/{QUERY}",
        "http://127.0.0.1:5000/images/secret.png",
        "http://127.0.0.1:5000/?Action=DeleteTopic&Action=ConfirmSubscription",
        "http://127.0.0.1:5000/?Action=DeleteTopic",
        f"http://127.0.0.1:99999/{QUERY}",
    ],
)
def test_nothing_else_is_asked(url: str) -> None:
    with pytest.raises(Unprocessable) as told:
        check_address(url, DECLARED)
    assert told.value.reason == "sns-address"


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_refused_or_of_a_declared_host(text: str) -> None:
    for url in (text, f"http://{text}", f"http://127.0.0.1:5000{text}/{QUERY}"):
        try:
            check_address(url, DECLARED)
        except Unprocessable:
            continue
        # What stands behind the port can only be a path, a query or a fragment.
        assert url.startswith("http://127.0.0.1:5000")
        assert not text or text[0] in "/?#"


def test_the_subscription_is_confirmed_by_one_get() -> None:
    with answering(200) as server:
        confirm(f"http://{server.address}/{QUERY}", {server.address})
    assert server.paths == [f"/{QUERY}"]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_whoever_does_not_confirm_is_asked_again_later(status: int) -> None:
    with answering(status, {"location": "http://127.0.0.1:1/"}) as server:
        url = f"http://{server.address}/{QUERY}"
        with pytest.raises(Unavailable, match=str(status)):
            confirm(url, {server.address})
        assert len(server.paths) == 1
    with pytest.raises(Unavailable, match="no answer"):
        confirm(url, {server.address})
