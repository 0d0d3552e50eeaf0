"""TLS of a stage: its certificate is used, renewed while it runs, and a wrong one is told."""

from __future__ import annotations

import logging
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509

from medpattern.errors import UsageError
from medpattern.pipeline.http.tls import Certificate
from medpattern.pipeline.settings import Environment
from tests.real.servers.certificates import Authority

PROGRAM = """
import sys
from pathlib import Path
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from medpattern.pipeline.http.server import listen, serve
from medpattern.pipeline.http.tls import Certificate

async def answer(request):
    return Response(request.url.scheme)

held = listen("127.0.0.1", 0)
print(held.getsockname()[1], flush=True)
serve(Starlette(routes=[Route("/", answer)]), held, certificate=Certificate(Path(sys.argv[1]), Path(sys.argv[2])))
"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


def installed(folder: Path, authority: Authority, name: str) -> Certificate:
    """The two files as a Secret's volume has them; a further call renews them at once."""
    issued = authority.issue(name)
    for source, target in ((issued.certificate, "tls.crt"), (issued.key, "tls.key")):
        (folder / f"{target}.new").write_bytes(source.read_bytes())
        (folder / f"{target}.new").replace(folder / target)
    return Certificate(folder / "tls.crt", folder / "tls.key")


def shown(context: ssl.SSLContext) -> str:
    """The common name that a server with this context shows to its next client."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = trusting.wrap_bio(back, there), context.wrap_bio(there, back, server_side=True)
    for _ in range(10):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    found = x509.load_der_x509_certificate(client.getpeercert(binary_form=True) or b"")
    return found.subject.rfc4514_string().removeprefix("CN=")


def comes_to(context: ssl.SSLContext, name: str) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if shown(context) == name:
            return True
        time.sleep(0.02)
    return False


def test_a_stage_answers_by_tls_alone(tmp_path: Path, authority: Authority) -> None:
    files = installed(tmp_path, authority, "page")
    command = [sys.executable, "-c", PROGRAM, str(files.chain), str(files.key)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            trusting = ssl.create_default_context(cafile=str(authority.certificate))
            with urllib.request.urlopen(f"https://127.0.0.1:{port}/", context=trusting, timeout=30) as answer:
                assert answer.read() == b"https"
            with pytest.raises(OSError):  # noqa: PT011
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30)
        finally:
            process.terminate()
    assert process.returncode == 0


def test_a_renewed_certificate_is_shown_and_a_broken_one_is_not(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    files = installed(tmp_path, authority, "first")
    context = files.context()
    end = files.keep_fresh(context, every=0.01)
    try:
        assert shown(context) == "first"
        installed(tmp_path, authority, "second")
        assert comes_to(context, "second")
        files.chain.write_text("nonsense")
        deadline = time.monotonic() + 30
        while "cannot be used" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.01)
        assert shown(context) == "second"
        installed(tmp_path, authority, "third")
        assert comes_to(context, "third")
    finally:
        end()


def test_files_that_are_no_certificate_are_told(tmp_path: Path, authority: Authority) -> None:
    files = installed(tmp_path, authority, "one")
    other = authority.issue("other")
    files.key.write_bytes(other.key.read_bytes())
    with pytest.raises(UsageError, match=r"tls\.crt"):
        files.context()


def test_one_of_the_two_alone_is_refused(tmp_path: Path, authority: Authority) -> None:
    files = installed(tmp_path, authority, "one")
    env = Environment({"MEDPATTERN_TLS_CERTIFICATE": str(files.chain)})
    assert Certificate.read(env) is None
    with pytest.raises(UsageError, match="MEDPATTERN_TLS_KEY"):
        env.check()
    both = {"MEDPATTERN_TLS_CERTIFICATE": str(files.chain), "MEDPATTERN_TLS_KEY": str(files.key)}
    assert Certificate.read(Environment(both)) == files
    assert Certificate.read(Environment({})) is None
