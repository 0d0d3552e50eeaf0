"""The results API over SQLite and moto, behind an issuer of the test's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import Engine
from starlette.testclient import TestClient

from medpattern.pipeline.events.results import Result
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.resultsapi.app import build
from medpattern.pipeline.resultsapi.settings import ResultsSettings
from medpattern.pipeline.settings import Environment
from tests.pipeline.database.test_accounting import score
from tests.pipeline.environment import stage_environment
from tests.pipeline.resultsapi.issuer import AUDIENCE, CLIENT, SECRET, Issuer, issuing, new_key
from tests.pipeline.samples import SCORED, result_of

PAGE = "http://127.0.0.1:8099"


@pytest.fixture(scope="session")
def issuers_key() -> RSAPrivateKey:
    """Made once: that takes a tenth of a second."""
    return new_key()


@pytest.fixture
def issuer(issuers_key: RSAPrivateKey) -> Iterator[Issuer]:
    """An OpenID provider."""
    with issuing(issuers_key) as made:
        yield made


@pytest.fixture
def variables(
    tmp_path: Path, moto: str, moto_client: Any, database_url: str, engine: Engine, issuer: Issuer
) -> dict[str, str]:
    """The environment of the stage; its three buckets are there."""
    mine = uuid.uuid4().hex[:12]
    for name in ("source", "processed", "anonymised"):
        moto_client.create_bucket(Bucket=f"{name}-{mine}")
    (tmp_path / "session").write_text("key of the sessions, 32 bytes and some more")
    (tmp_path / "client").write_text(SECRET)
    return stage_environment(
        tmp_path,
        s3=moto,
        bucket=f"source-{mine}",
        database_url=database_url,
        PROCESSED_BUCKET=f"processed-{mine}",
        ANONYMISED_BUCKET=f"anonymised-{mine}",
        RESULTS_URL=PAGE,
        OIDC_ISSUER=issuer.url,
        OIDC_AUDIENCE=AUDIENCE,
        OIDC_CLIENT_ID=CLIENT,
        OIDC_CLIENT_SECRET_FILE=str(tmp_path / "client"),
        SESSION_KEY_FILE=str(tmp_path / "session"),
    )


@dataclass(frozen=True, slots=True)
class Ward:
    """The running API, and what it reads."""

    http: TestClient
    issuer: Issuer
    engine: Engine
    settings: ResultsSettings

    def result(self, name: str = "a.png", hours: float = 0, **changes: Any) -> Result:
        """A stored result of the image `name`, scored so many hours later than the others."""
        image = ObjectVersion(self.settings.store.sources[0], name, "v1")
        made = result_of(image, scored_at=SCORED + timedelta(hours=hours), **changes)
        score(self.engine, made)
        return made

    def bearer(self, *roles: str, **more: Any) -> dict[str, str]:
        """The header of a good token."""
        return {"authorization": f"Bearer {self.issuer.token(*roles, **more)}"}

    def get(self, path: str, *roles: str) -> Any:
        return self.http.get(path, headers=self.bearer(*(roles or ("viewer",))))

    def post(self, path: str, content: Any, *roles: str) -> Any:
        return self.http.post(path, json=content, headers=self.bearer(*roles))

    def sign_in(self, *roles: str, page: str = "/") -> Any:
        """The code flow in this client, whose cookies then hold the session; the last answer."""
        asked = self.http.get("/login", params={"next": page}, follow_redirects=False)
        brought = self.issuer.approve(asked.headers["location"], *roles)
        return self.http.get("/callback", params=brought, follow_redirects=False)


MakeWard = Callable[[dict[str, str]], Ward]


@pytest.fixture
def make_ward(engine: Engine, issuer: Issuer) -> Iterator[MakeWard]:
    """Starts the API with an environment."""
    started: list[TestClient] = []

    def make(variables: dict[str, str]) -> Ward:
        settings = ResultsSettings.read(Environment(variables))
        http = TestClient(build(settings).app, base_url=PAGE, raise_server_exceptions=False)
        started.append(http.__enter__())
        return Ward(http, issuer, engine, settings)

    yield make
    for http in started:
        http.__exit__(None, None, None)


@pytest.fixture
def ward(make_ward: MakeWard, variables: dict[str, str]) -> Ward:
    """The API with its defaults."""
    return make_ward(variables)
