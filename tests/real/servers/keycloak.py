"""Keycloak, a real OpenID provider: fetched and built once into the cache folder, one server with one realm.

`python3 -m tests.real.servers.keycloak` fetches and builds; needs a JDK of 17 or later, Maven, and nothing of PyPI.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.real.servers.ports import free_ports
from tests.real.servers.processes import Process
from tests.real.servers.programs import program, run

VERSION = "26.4.0"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"
REALM = "ward"
AUDIENCE = "xray-results"
PAGE_CLIENT = "xray-ward"
# Programs that ask for tokens themselves: one for the API, one for another API, one whose tokens end at once.
API_CLIENT, OTHER_CLIENT, SHORT_CLIENT = "api-caller", "other-caller", "short-caller"
USERS = {"dr.osei": ("viewer", "reader"), "records.office": ("viewer", "identifier"), "porter": ()}


def java(home: Path, *arguments: str) -> list[str | Path]:
    """The command that `kc.sh` runs; without that shell between, which would die alone and leave Java running."""
    # Test servers live minutes: one collector thread and the quick compiler.
    tuning = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8")
    opened = [
        f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in ("util", "util.concurrent", "security")
    ]
    folders = (f"-Dkc.home.dir={home}", f"-Djboss.server.config.dir={home / 'conf'}")
    logs = ("-Djava.util.logging.manager=org.jboss.logmanager.LogManager",)
    main = ("-cp", f"{home / 'lib' / 'quarkus-run.jar'}", "io.quarkus.bootstrap.runner.QuarkusEntryPoint")
    return [program("java", "openjdk-17-jre-headless"), *tuning, *opened, *folders, *logs, *main, *arguments]


class Keycloak:
    """A server on 127.0.0.1 with the realm `ward`; it forgets everything when it ends."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "keycloak"
        self.port, self._management, self.page_port = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.issuer = f"{self.url}/realms/{REALM}"
        self.page = f"http://127.0.0.1:{self.page_port}"
        self.client_secret = secrets.token_urlsafe(24)
        self.password = secrets.token_urlsafe(12)
        options = [f"--http-port={self.port}", f"--hostname={self.url}", f"--http-management-port={self._management}"]
        options += ["--optimized", "--import-realm", "--http-enabled=true", "--http-host=127.0.0.1", "--cache=local"]
        self.server = Process("keycloak", java(self.home, "start", *options), folder / "keycloak.log")

    def start(self) -> None:
        """Start it: 15 s and more, most of it Java's."""
        if not self.home.exists():
            shutil.copytree(installed(), self.home, copy_function=_link)
            (self.home / "data" / "import").mkdir(parents=True)
            text = json.dumps(realm(self.page, self.client_secret, self.password))
            (self.home / "data" / "import" / f"{REALM}-realm.json").write_text(text, encoding="utf-8")
        self.server.start().wait_ready(self._answers, seconds=240)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.issuer}/.well-known/openid-configuration", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def token(self, user: str, client: str = API_CLIENT) -> str:
        """A user's access token, as a program gets it."""
        form = {"grant_type": "password", "client_id": client, "username": user, "password": self.password}
        data = urllib.parse.urlencode(form | {"scope": "openid"}).encode()
        with urllib.request.urlopen(f"{self.issuer}/protocol/openid-connect/token", data, timeout=20) as answer:
            return str(json.load(answer)["access_token"])


def realm(page: str, client_secret: str, password: str) -> dict[str, Any]:
    """The realm's import file: roles, users, the page's client and three programs."""
    audience = _audience(AUDIENCE)
    ward = {
        "clientId": PAGE_CLIENT,
        "publicClient": False,
        "secret": client_secret,
        "standardFlowEnabled": True,
        "directAccessGrantsEnabled": False,
        "redirectUris": [f"{page}/callback", f"{page.replace('http:', 'https:')}/callback"],
        "attributes": {"pkce.code.challenge.method": "S256", "post.logout.redirect.uris": f"{page}/signed-out"},
        "protocolMappers": [audience],
    }
    program_client = {"publicClient": True, "standardFlowEnabled": False, "directAccessGrantsEnabled": True}
    callers = [
        program_client | {"clientId": API_CLIENT, "protocolMappers": [audience]},
        program_client | {"clientId": OTHER_CLIENT, "protocolMappers": [_audience("other-api")]},
        program_client
        | {"clientId": SHORT_CLIENT, "protocolMappers": [audience], "attributes": {"access.token.lifespan": "1"}},
    ]
    people = [
        {
            "username": name,
            "enabled": True,
            "emailVerified": True,
            "email": f"{name}@example.org",
            "firstName": name.split(".", maxsplit=1)[0],
            "lastName": "Ward",
            "credentials": [{"type": "password", "value": password, "temporary": False}],
            "realmRoles": list(roles),
        }
        for name, roles in USERS.items()
    ]
    roles = {"realm": [{"name": name} for name in ("viewer", "reader", "identifier")]}
    return {"realm": REALM, "enabled": True, "roles": roles, "clients": [ward, *callers], "users": people}


def _audience(name: str) -> dict[str, Any]:
    return {
        "name": f"audience {name}",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": name, "access.token.claim": "true", "id.token.claim": "false"},
    }


def installed() -> Path:
    """Keycloak in the cache folder, fetched (160 MB) and built for a quick start where it is not there."""
    home = _cache_folder() / f"keycloak-{VERSION}-built"
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix="keycloak.", dir=home.parent))
        try:
            _make(part)
            _rename(part / f"keycloak-{VERSION}", home)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return home


def _make(part: Path) -> None:
    goal = ("dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={part}")
    run(program("mvn", "maven"), "-B", "-ntp", "-q", *goal, seconds=900)
    with tarfile.open(part / f"keycloak-quarkus-dist-{VERSION}.tar.gz") as archive:
        archive.extractall(part, filter="data")
    # Else each start builds it anew.
    run(*java(part / f"keycloak-{VERSION}", "build", "--db=dev-mem"), seconds=600)


def _rename(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:
        if not target.exists():  # otherwise somebody else was faster
            raise


def _link(source: str, target: str) -> str:
    """The server writes into its own folder, but never into a file that is there."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _cache_folder() -> Path:
    if chosen := os.environ.get("MEDPATTERN_CI_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "medpattern"


if __name__ == "__main__":
    print(f"Keycloak {VERSION}: {installed()}")
