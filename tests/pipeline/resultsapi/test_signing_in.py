"""The page's sign-in: code flow with PKCE, sealed cookies, sign-out."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from medpattern.pipeline.resultsapi.sessions import Cookies
from tests.pipeline.resultsapi.conftest import PAGE, MakeWard, Ward
from tests.pipeline.resultsapi.issuer import CLIENT

SESSION = "medpattern"


def test_the_page_asks_to_sign_in_and_comes_back_to_where_one_wanted_to_go(ward: Ward) -> None:
    result = ward.result()
    wanted = f"/results/{result.image_pseudonym}"
    first = ward.http.get(wanted, follow_redirects=False)
    assert first.status_code == 303
    login = ward.http.get(first.headers["location"], follow_redirects=False)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(login.headers["location"]).query).items()}
    assert login.headers["location"].startswith(f"{ward.issuer.url}/auth?")
    assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
    assert asked["redirect_uri"] == f"{PAGE}/callback"
    assert asked["scope"] == "openid"
    back = ward.http.get(
        "/callback", params=ward.issuer.approve(login.headers["location"], "viewer"), follow_redirects=False
    )
    assert (back.status_code, back.headers["location"]) == (303, wanted)
    assert ward.http.get(wanted).status_code == 200


@pytest.mark.parametrize(
    "place", ["https://evil.example", "//evil.example", "/\\evil.example", "/api/me", "/results/../x", "", "/logout"]
)
def test_no_other_place_than_a_page_of_ours_is_gone_to(ward: Ward, place: str) -> None:
    assert ward.sign_in("viewer", page=place).headers["location"] == "/"


def test_the_session_is_sealed_and_out_of_reach_of_scripts(ward: Ward) -> None:
    answer = ward.sign_in("viewer", "reader")
    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith(f"{SESSION}="))
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    for word in ("osei", "8f1c", "reader", "csrf"):
        assert word not in cookie
    me = ward.http.get("/api/me").json()
    assert (me["name"], me["roles"]) == ("dr.osei", ["reader", "viewer"])


def test_behind_https_cookies_are_secure_and_of_this_host_alone(make_ward: MakeWard, variables: dict[str, str]) -> None:
    ward = make_ward(variables | {"MEDPATTERN_RESULTS_URL": "https://results.example.org"})
    cookies = ward.http.get("/login", follow_redirects=False).headers.get_list("set-cookie")
    assert all(line.startswith("__Host-") and "; Secure" in line for line in cookies)
    assert cookies


def test_a_changed_cookie_is_no_session(ward: Ward) -> None:
    ward.sign_in("viewer")
    sealed = ward.http.cookies[SESSION]
    ward.http.cookies.clear()
    for changed in (sealed[:-6] + "AAAA==", sealed[1:], "x", ""):
        assert ward.http.get("/api/me", headers={"cookie": f"{SESSION}={changed}"}).status_code == 401
    assert ward.http.get("/api/me", headers={"cookie": f"{SESSION}={sealed}"}).status_code == 200


def test_the_cookie_of_a_sign_in_is_no_session(ward: Ward) -> None:
    ward.http.get("/login", follow_redirects=False)
    (sealed,) = ward.http.cookies.values()
    assert ward.http.get("/api/me", headers={"cookie": f"{SESSION}={sealed}"}).status_code == 401


def test_a_session_ends(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    ward.sign_in("viewer")
    assert ward.http.get("/api/me").status_code == 200
    later = time.time() + ward.settings.session_seconds + 1
    monkeypatch.setattr("time.time", lambda: later)
    assert ward.http.get("/api/me").status_code == 401
    assert ward.http.get("/", follow_redirects=False).status_code == 303


def test_a_session_of_another_key_is_none(ward: Ward) -> None:
    ward.sign_in("viewer")
    from starlette.requests import Request

    scope = {"type": "http", "headers": [(b"cookie", f"{SESSION}={ward.http.cookies[SESSION]}".encode())]}
    same = Cookies(ward.settings.session_key, 3600, secure=False)
    assert same.session(Request(scope)) is not None
    assert Cookies(b"another key of 32 bytes or a few more", 3600, secure=False).session(Request(scope)) is None


def failed(ward: Ward, params: dict[str, str]) -> str:
    """What the page says, to somebody who is not signed in afterwards."""
    answer = ward.http.get("/callback", params=params, follow_redirects=False)
    assert answer.status_code in (400, 403, 503)
    assert ward.http.get("/api/me").status_code == 401
    assert "not for diagnosis" in answer.text
    return answer.text


def asked(ward: Ward, *roles: str) -> dict[str, str]:
    login = ward.http.get("/login", follow_redirects=False)
    return ward.issuer.approve(login.headers["location"], *roles)


def test_an_answer_that_nobody_here_asked_for_is_refused(ward: Ward) -> None:
    brought = asked(ward, "viewer")
    assert "not finished" in failed(ward, brought | {"state": "other"})
    assert "not finished" in failed(ward, brought | {"iss": "http://127.0.0.1:1"})
    ward.http.cookies.clear()
    assert "not finished" in failed(ward, brought)


def test_a_code_counts_once(ward: Ward) -> None:
    brought = asked(ward, "viewer")
    assert ward.http.get("/callback", params=brought, follow_redirects=False).status_code == 303
    ward.http.cookies.delete(SESSION)
    assert "not finished" in failed(ward, brought)


def test_two_tabs_may_sign_in_at_once(ward: Ward) -> None:
    first, second = asked(ward, "viewer"), asked(ward, "viewer")
    assert ward.http.get("/callback", params=first, follow_redirects=False).status_code == 303
    assert ward.http.get("/callback", params=second, follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    "wrong",
    [{"nonce": "other"}, {"aud": "other"}, {"azp": "other"}, {"exp": 1}, {"iss": "http://127.0.0.1:1"}, {"sub": "x"}],
    ids=str,
)
def test_a_wrong_id_token_signs_nobody_in(ward: Ward, wrong: dict[str, object]) -> None:
    ward.issuer.id_token = wrong
    assert "not to be believed" in failed(ward, asked(ward, "viewer"))


@pytest.mark.parametrize("wrong", [{"aud": CLIENT}, {"exp": 1}, {"sub": "x"}], ids=str)
def test_a_wrong_access_token_signs_nobody_in(ward: Ward, wrong: dict[str, object]) -> None:
    ward.issuer.access_token = wrong
    assert "not to be believed" in failed(ward, asked(ward, "viewer"))


def test_a_code_of_somebody_else_is_refused_for_want_of_the_verifier(ward: Ward) -> None:
    mine, stolen = asked(ward, "viewer"), asked(ward, "viewer")
    assert "not to be believed" in failed(ward, mine | {"code": stolen["code"]})


def test_somebody_without_a_role_is_told_so(ward: Ward) -> None:
    assert "none of the roles" in failed(ward, asked(ward, "nurse", "default-roles"))


def test_a_provider_that_refuses_or_is_away_is_told(ward: Ward) -> None:
    brought = asked(ward, "viewer")
    assert "let nobody in" in failed(ward, {"state": brought["state"], "error": "access_denied"})
    brought = asked(ward, "viewer")
    ward.issuer.status = 500
    assert "does not answer" in failed(ward, brought)


def test_signing_out_ends_the_session_here_and_then_at_the_provider(ward: Ward) -> None:
    ward.sign_in("viewer")
    csrf = ward.http.get("/api/me").json()["csrf"]
    assert ward.http.post("/logout").status_code == 403
    answer = ward.http.post("/logout", headers={"medpattern-csrf": csrf})
    assert answer.json()["url"].startswith(f"{ward.issuer.url}/logout?client_id={CLIENT}")
    assert "osei" not in answer.json()["url"]
    assert ward.http.get("/api/me").status_code == 401
    assert ward.http.get("/signed-out").status_code == 200


def test_a_role_that_is_called_otherwise_and_stands_elsewhere_is_found(
    make_ward: MakeWard, variables: dict[str, str]
) -> None:
    named = {
        "MEDPATTERN_OIDC_ROLES": "/resource_access/xray~1results/roles",
        "MEDPATTERN_OIDC_ROLE_READER": "radiologist",
    }
    ward = make_ward(variables | named)
    roles = {"xray/results": {"roles": ["radiologist"]}}
    assert ward.http.get("/api/me", headers=ward.bearer(resource_access=roles)).json()["roles"] == ["reader", "viewer"]
    assert ward.http.get("/api/me", headers=ward.bearer("viewer", "reader")).status_code == 403
