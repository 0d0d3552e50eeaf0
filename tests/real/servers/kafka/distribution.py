"""Kafka's jars, fetched once into a cache folder, and an archive of their loaded classes for a faster start.

`python3 -m tests.real.servers.kafka.distribution` fetches them; needs a JDK of 17 or later, Maven, and nothing of PyPI.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.real.servers.kafka.configuration import Node, write_folder
from tests.real.servers.ports import free_ports
from tests.real.servers.processes import Process
from tests.real.servers.programs import FailedError, program, run

POM = Path(__file__).with_name("pom.xml")
STARTED = "Kafka Server started"


@dataclass(frozen=True, slots=True)
class Distribution:
    """A folder of jars, and the class-data archive that belongs to them and to this machine's Java."""

    jars: Path
    archive: Path

    def java(self, main: str, *arguments: str | Path, heap: str = "256m", options: tuple[str, ...] = ()) -> list[str]:
        """The command of a main class. One collector thread and the quick compiler: brokers of tests live minutes."""
        if not options and self.archive.exists():
            options = (f"-XX:SharedArchiveFile={self.archive}",)
        tuning = (f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
        java = program("java", "openjdk-17-jre-headless")
        return [java, *tuning, *options, "-cp", f"{self.jars}/*", main, *map(str, arguments)]

    def broker(self, folder: Path, *, heap: str = "256m", options: tuple[str, ...] = ()) -> Process:
        """The broker whose configuration lies in `folder`, not started."""
        command = self.java("kafka.Kafka", folder / "server.properties", heap=heap, options=options)
        return Process(f"kafka-{folder.name}", command, folder / "server.log", environment=_logging(folder))

    def format(self, folder: Path, cluster: str, *arguments: str) -> None:
        """Prepare the data folder of the broker in `folder`, as every KRaft broker needs once."""
        settings = folder / "server.properties"
        command = self.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", settings, *arguments, heap="128m")
        run(*command, environment=_logging(folder))


def installed() -> Distribution:
    """Kafka from the cache folder, fetched (10 to 30 s) and archived (10 s) where it is not there."""
    cache = _cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    jars = cache / f"kafka-{version()}-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if not jars.exists():
        _fetch(jars)
    distribution = Distribution(jars, jars.with_name(f"{jars.name}-java-{_java_build()}.jsa"))
    if not distribution.archive.exists():
        _archive(distribution)
    return distribution


def version() -> str:
    """Of Kafka, as the pom names it."""
    found = re.search(r"<kafka\.version>(.*?)</kafka\.version>", POM.read_text("utf-8"))
    if found is None:
        raise FailedError(f"{POM} names no kafka.version")
    return found[1]


def cluster_id() -> str:
    """A new cluster's id: 16 bytes in URL-safe base64. It never begins with a hyphen, which is an option's."""
    import base64
    import uuid

    return "K" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]


def _logging(folder: Path) -> dict[str, str]:
    return {"LOG4J_CONFIGURATION_FILE": str(folder / "log4j2.properties")}


def _cache_folder() -> Path:
    if chosen := os.environ.get("MEDPATTERN_CI_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "medpattern"


def _fetch(jars: Path) -> None:
    """Copy to a folder beside `jars` and rename it: what has the final name is whole."""
    part = Path(tempfile.mkdtemp(prefix=f"{jars.name}.", dir=jars.parent))
    try:
        goal = ("dependency:copy-dependencies", f"-DoutputDirectory={part / 'jars'}")
        run(program("mvn", "maven"), "-B", "-ntp", "-q", "-f", POM, *goal, seconds=600)
        _rename(part / "jars", jars)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _rename(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:
        if not target.exists():  # otherwise somebody else was faster
            raise


def _java_build() -> str:
    """What tells one Java from another: an archive serves the one that wrote it."""
    said = subprocess.run([program("java", "openjdk-17-jre-headless"), "-version"], capture_output=True, check=True)
    return hashlib.sha256(said.stderr).hexdigest()[:12]


def _archive(distribution: Distribution) -> None:
    """Have a broker start, end, and write down the classes that it loaded."""
    part = Path(tempfile.mkdtemp(prefix=f"{distribution.archive.name}.", dir=distribution.archive.parent))
    try:
        client, controller, secured = free_ports(3)
        node = Node(1, client, controller, secured)
        folder = write_folder(part / "1", node, (node,))
        distribution.format(folder, cluster_id())
        broker = distribution.broker(folder, options=(f"-XX:ArchiveClassesAtExit={part / 'classes.jsa'}",))
        broker.start().wait_ready(lambda: STARTED in broker.text(), seconds=120)
        broker.stop(seconds=120)
        _rename(part / "classes.jsa", distribution.archive)
    finally:
        shutil.rmtree(part, ignore_errors=True)


if __name__ == "__main__":
    print(f"Apache Kafka {version()}: {installed().jars}")
