"""The image that `make image` builds, out of the archive that it hands over: what is in it, and that it runs.

Built on the Debian base for tests, since no registry is reachable; everything above the base is as in a release.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from medpattern import __version__
from tests.pipeline.images.films import compressed, dicom_dataset, picture, raster
from tests.real.servers.container import Container, ask
from tests.real.servers.processes import Process
from tests.real.servers.programs import FailedError, program, run

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / ".ci" / "image.sh"
SECRETS = {"identity": "i" * 40, "pseudonym": "p" * 40, "url": "sqlite:////tmp/results.db"}
# Nothing listens on any of these addresses: the service is ready without what they stand for.
SETTINGS = {
    "PORT": "8080",
    "MEDPATTERN_S3_ENDPOINT": "http://127.0.0.1:9",
    "MEDPATTERN_SOURCE_BUCKET": "source",
    "MEDPATTERN_PROCESSED_BUCKET": "processed",
    "MEDPATTERN_ANONYMISED_BUCKET": "anonymised",
    "MEDPATTERN_KAFKA_BOOTSTRAP": "127.0.0.1:9",
    "MEDPATTERN_RESULTS_TOPIC": "results",
    "MEDPATTERN_DATABASE_URL_FILE": "/mnt/url",
    "MEDPATTERN_IDENTITY_KEY_FILE": "/mnt/identity",
    "MEDPATTERN_PSEUDONYM_KEY_FILE": "/mnt/pseudonym",
}
BUILD_TOOLS = ("cc", "gcc", "g++", "clang", "as", "ld", "make", "cmake", "pip", "pip3", "uv", "hatch")
NO_MODULES = ("pip", "setuptools", "hatchling", "torch", "onnx", "moto", "pytest", "helm_python")
TEMPORARY = {"/tmp", "/var/tmp"}  # noqa: S108
# Name and version of every distribution in the environment.
DISTRIBUTIONS = """
import importlib.metadata, json
print(json.dumps([(found.name, found.version) for found in importlib.metadata.distributions()]))
"""
JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"


@dataclass(frozen=True, slots=True)
class Built:
    """What the script leaves: one folder, the common part of the files' names, the commit, and what it printed."""

    folder: Path
    name: str
    revision: str
    printed: str

    def file(self, ending: str) -> Path:
        return self.folder / f"{self.name}.{ending}"

    def json(self, ending: str) -> Any:
        return json.loads(self.file(ending).read_text("utf-8"))


@pytest.fixture(scope="module")
def built() -> Iterator[Built]:
    program("buildah", "buildah")
    revision = run("git", "-C", ROOT, "rev-parse", "HEAD").strip()
    with tempfile.TemporaryDirectory(prefix="medpattern-") as name:
        printed = run(SCRIPT, seconds=1800, environment={"IMAGE_OUT": name, "PYTHON": sys.executable})
        yield Built(Path(name), f"medpattern-{__version__}-test-base", revision, printed)


@pytest.fixture(scope="module")
def container(built: Built) -> Iterator[Container]:
    with tempfile.TemporaryDirectory(prefix="medpattern-") as name:
        made = Container(built.file("oci.tar"), Path(name) / "image")
        yield made
        made.discard()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name, content in SECRETS.items():
        (folder / name).write_text(content)
    return folder


@pytest.fixture
def pod(container: Container, secrets: Path, tmp_path: Path) -> Iterator[Process]:
    """`medpattern serve`, as the chart starts it, ready."""
    process = container.pod(secrets, tmp_path / "pod.log", "medpattern", "serve", environment=SETTINGS).start()
    try:
        yield process.wait_ready(lambda: _ready(process))
    finally:
        process.discard()


def _ready(process: Process) -> bool:
    # Before it listens, or has a network at all, asking it fails.
    with suppress(FailedError):
        return bool(process.children()) and ask(process, "/v2/health/ready")[0] == 200
    return False


def test_it_is_tagged_with_its_version_and_handed_over_by_digest(built: Built) -> None:
    with tarfile.open(built.file("oci.tar")) as archive:
        file = archive.extractfile("index.json")
        assert file is not None
        (manifest,) = json.load(file)["manifests"]
    assert (
        manifest["annotations"]["org.opencontainers.image.ref.name"] == f"localhost/medpattern:{__version__}-test-base"
    )
    assert manifest["digest"] == built.file("digest").read_text()
    assert manifest["digest"] in built.printed


def test_its_labels_say_where_it_comes_from(built: Built, container: Container) -> None:
    labels = container.facts["config"]["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}version"] == __version__
    assert labels[f"{prefix}revision"].removesuffix("-dirty") == built.revision
    assert re.fullmatch(r"localhost/medpattern-test-base@sha256:[0-9a-f]{64}", labels[f"{prefix}base.name"])
    assert labels[f"{prefix}base.name"].endswith(labels[f"{prefix}base.digest"])


def test_it_runs_as_any_user_but_root(container: Container) -> None:
    user, _, group = container.facts["config"]["User"].partition(":")
    assert container.run("id", "-u").strip() == user
    assert container.run("id", "-g").strip() == group
    assert int(user) > 0
    assert int(group) > 0
    assert container.run("medpattern", "--version").strip() == f"medpattern {__version__}"
    # OpenShift chooses the user, who has no name in the image, with root's group.
    assert container.run("medpattern", "--version", user="1000660000:0").strip() == f"medpattern {__version__}"


def test_no_build_tools_and_no_training_libraries_are_in_it(container: Container) -> None:
    code = "import json, shutil; print(json.dumps([name for name in {!r} if shutil.which(name)]))"
    assert container.python(code.format(("medpattern", "python3", *BUILD_TOOLS))) == ["medpattern", "python3"]
    code = "import json; from importlib.util import find_spec; print(json.dumps([n for n in {!r} if find_spec(n)]))"
    assert container.python(code.format(("onnxruntime", "pynetdicom", *NO_MODULES))) == ["onnxruntime", "pynetdicom"]
    # The system's Python, for which pip would lie elsewhere.
    assert container.run("/usr/bin/python3", "-c", "import importlib.util as u; print(u.find_spec('pip'))") == "None\n"


def test_its_user_may_write_nothing_but_temporary_files(container: Container) -> None:
    found = set(container.run("sh", "-c", "find / -xdev ! -type l -writable 2>/dev/null; true").split())
    assert found >= TEMPORARY
    allowed = (*TEMPORARY, "/run/lock", "/dev", "/proc", "/sys")
    assert [path for path in found if not path.startswith(allowed)] == []
    privileged = stat.S_ISUID | stat.S_ISGID
    ours = container.root / "opt" / "medpattern"
    assert not [path for path in ours.rglob("*") if path.lstat().st_mode & privileged]


def test_bytecode_of_all_its_modules_is_there(container: Container) -> None:
    library = next((container.root / "opt" / "medpattern" / "lib").iterdir()) / "site-packages" / "medpattern"
    sources = [path for path in library.rglob("*.py") if "builtin" not in path.parts]
    assert len(sources) > 100
    missing = [path for path in sources if not list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))]
    assert missing == []


def test_the_service_becomes_ready_on_a_read_only_file_system(pod: Process, container: Container) -> None:
    (inside,) = pod.children()
    status = Path(f"/proc/{inside}/status").read_text()
    assert re.search(r"^Uid:\s+65532\s+65532\s+65532\s+65532$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    mounts = [line.split() for line in Path(f"/proc/{inside}/mounts").read_text().splitlines()]
    (options,) = [fields[3].split(",") for fields in mounts if fields[1] == "/"]
    assert "ro" in options
    # On all addresses, or nobody outside the pod would reach it.
    listening = [line.split()[1] for line in Path(f"/proc/{inside}/net/tcp").read_text().splitlines() if " 0A " in line]
    assert listening == [f"00000000:{8080:04X}"]
    assert ask(pod, "/v2/health/live")[0] == 200
    assert json.loads(ask(pod, "/v2")[1])["version"] == __version__


def test_it_decodes_and_scores_every_kind_of_film(pod: Process, tmp_path: Path) -> None:
    name = json.loads(ask(pod, "/openapi.json")[1])
    (infer,) = [path for path in name["paths"] if path.endswith("/infer") and "versions" not in path]
    dataset = dicom_dataset(picture(512, 512))
    films = {
        "png": raster(picture(512, 512), "PNG"),
        "jpeg": raster(picture(512, 512), "JPEG"),
        "tiff": raster(picture(512, 512, bits=16), "TIFF"),
        "jpeg-ls": compressed(dataset, JPEG_LS, "pyjpegls"),
        "jpeg-2000": compressed(dicom_dataset(picture(512, 512)), JPEG_2000, "pylibjpeg"),
    }
    answers = {}
    for kind, film in films.items():
        (tmp_path / kind).write_bytes(film)
        answers[kind] = ask(pod, infer, tmp_path / kind, header=("Inference-Header-Content-Length", "0"))
    assert {kind: status for kind, (status, _) in answers.items()} == dict.fromkeys(films, 200)
    assert all(json.loads(text)["outputs"] for _, text in answers.values())


def test_as_the_first_process_it_ends_when_it_is_asked_to(pod: Process) -> None:
    (inside,) = pod.children()
    os.kill(inside, 15)
    assert pod.wait(30) == 0


def test_the_tables_are_made_from_what_is_in_it(container: Container, secrets: Path, tmp_path: Path) -> None:
    migrating = container.pod(secrets, tmp_path / "log", "medpattern", "migrate", environment=SETTINGS).start()
    try:
        assert migrating.wait(60) == 0, migrating.tail()
    finally:
        migrating.discard()
    assert migrating.text().startswith("revision ")


def test_the_sbom_lists_what_is_in_it(built: Built, container: Container) -> None:
    listed = built.json("cdx.json")
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")
    assert built.file("digest").read_text() in listed["metadata"]["component"]["purl"]
    parts = {kind: set[tuple[str, str]]() for kind in ("pypi", "deb")}
    for component in listed["components"]:
        parts[component["purl"].partition("/")[0].removeprefix("pkg:")].add((component["name"], component["version"]))
    assert parts["pypi"] == {(name, version) for name, version in container.python(DISTRIBUTIONS)}
    assert parts["deb"] == _installed(container.root / "var/lib/dpkg/status")
    onnxruntime = container.python("import json, onnxruntime; print(json.dumps(onnxruntime.__version__))")
    assert ("onnxruntime", onnxruntime) in parts["pypi"]


def _installed(status: Path) -> set[tuple[str, str]]:
    """Name and version of the packages in dpkg's own records."""
    stanzas = status.read_text("utf-8").split("\n\n")
    fields = [dict(re.findall(r"^(\S+): (.*)$", stanza, re.MULTILINE)) for stanza in stanzas]
    return {(found["Package"], found["Version"]) for found in fields if found.get("Status") == "install ok installed"}


def test_every_wheel_of_the_image_can_be_asked_for_again_by_its_hash(built: Built, container: Container) -> None:
    lines = built.file("requirements.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w.]+==[\w.]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)
    named = {_normal(line.partition("==")[0]) for line in lines}
    assert named == {_normal(name) for name, _ in container.python(DISTRIBUTIONS)} - {"medpattern"} | {"pip"}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_a_base_without_a_digest_is_refused() -> None:
    tagged = {**os.environ, "BASE_IMAGE": "registry.example.org/python:3.12", "PYTHON": sys.executable}
    refused = subprocess.run([SCRIPT], env=tagged, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "by its digest" in refused.stderr
