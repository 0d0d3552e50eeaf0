"""The job of the chart storage: whether an S3 service elsewhere can be reached."""

from __future__ import annotations

import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.real.servers.certificates import Authority

SCRIPT = Path(__file__).parents[2] / "charts/storage/files/check_store.py"


@contextmanager
def service(authority: Authority, status: int) -> Iterator[str]:
    """Something that speaks TLS and answers everything with `status`."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    issued = authority.issue("store")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    server = HTTPServer(("127.0.0.1", 0), Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def check(endpoint: str, ca: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What the job does and says."""
    environment = {"S3_ENDPOINT": endpoint} | ({"S3_CA": str(ca)} if ca else {})
    return subprocess.run(
        [sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("status", "code"), [(200, 0), (403, 0), (404, 0), (500, 1), (503, 1)])
def test_an_answer_will_do_unless_the_service_is_at_fault(tmp_path: Path, status: int, code: int) -> None:
    authority = Authority(tmp_path)
    with service(authority, status) as endpoint:
        done = check(endpoint, authority.certificate)

    assert done.returncode == code
    assert done.stderr == f"{endpoint}: answers {status}\n"


def test_a_certificate_of_an_unknown_ca_is_refused(tmp_path: Path) -> None:
    with service(Authority(tmp_path / "theirs"), 200) as endpoint:
        done = check(endpoint, Authority(tmp_path / "ours").certificate)

    assert done.returncode == 1
    assert "certificate verify failed" in done.stderr


def test_nobody_there_is_said_in_a_line() -> None:
    done = check("https://127.0.0.1:1")

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "refused" in done.stderr
