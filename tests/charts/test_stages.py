"""Every container of the shipped charts that runs medpattern starts with what its chart gives it.

The command is run as the container would run it, with the container's environment and with the files that its Secrets
will have, until all its settings are read: there it is stopped, before it opens anything.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from medpattern.cli.main import app
from medpattern.errors import UsageError
from medpattern.fleet.fleet import load_fleet
from medpattern.pipeline import logs, settings
from medpattern.pipeline.database.roles import Role
from medpattern.rendering.renderer import Renderer
from tests.charts.test_shipped_charts import NAMES, chart_source, generator, refusals, walked

ROOT = Path(__file__).parents[2]
PREFIX = "MEDPATTERN_"
# Read before any settings are (cli/stages.py).
FOR_ALL = {"MEDPATTERN_LOG_LEVEL"}
# Long enough for a key, and an address.
SECRET = "https://secret.example.org/" + 40 * "x"
POD = {
    "Deployment": ("template",),
    "StatefulSet": ("template",),
    "Service": ("template",),  # of Knative
    "Job": ("template",),
    "CronJob": ("jobTemplate", "spec", "template"),
}


class Begun(Exception):  # noqa: N818
    """All settings were read, and nothing is wrong with them."""


class Seen(settings.Environment):
    """The container's variables; remembers which were asked for, and ends the command when it has read them all."""

    asked: set[str]

    def __init__(self, variables: Mapping[str, str]) -> None:
        asked = type(self).asked = set()

        class Remembering(dict[str, str]):
            def get(self, name: str, default: Any = None) -> Any:
                asked.add(name)
                return super().get(name, default)

        super().__init__(Remembering({name: text for name, text in variables.items() if name.startswith(PREFIX)}))

    def check(self) -> None:
        super().check()
        raise Begun


@dataclass(frozen=True, slots=True)
class Workload:
    """One container of medpattern with the pod around it, and the Secrets of its chart: name -> keys."""

    shown: str
    container: dict[str, Any]
    volumes: tuple[dict[str, Any], ...]
    secrets: Mapping[str, frozenset[str]]

    @property
    def environment(self) -> dict[str, str]:
        return {entry["name"]: entry["value"] for entry in self.container.get("env", ())}


def secret_keys(found: list[dict[str, Any]]) -> dict[str, frozenset[str]]:
    """Which keys the Secrets will have that the External Secrets among the objects make."""
    made = {}
    for item in found:
        if item["kind"] == "ExternalSecret":
            spec = item["spec"]
            template = spec["target"].get("template", {}).get("data", {})
            made[spec["target"]["name"]] = frozenset(template or (entry["secretKey"] for entry in spec["data"]))
    return made


def workloads(shown: str, found: list[dict[str, Any]]) -> Iterator[Workload]:
    """The containers of medpattern among the objects of one chart."""
    for item in found:
        if item["kind"] not in POD or "template" not in json.dumps(item.get("spec", {})):
            continue
        pod = item["spec"]
        for key in POD[item["kind"]]:
            pod = pod[key]
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())]:
            ours = "/medpattern/medpattern:" in container.get("image", "")
            assert not ours or container["command"][0] in ("medpattern", "python"), "the image has no other program"
            if container.get("command") == ["medpattern"]:
                name = f"{shown} {item['kind']}/{item['metadata']['name']}"
                yield Workload(name, container, tuple(pod["spec"].get("volumes", ())), secret_keys(found))


def mounted(workload: Workload, folder: Path) -> None:
    """Writes below `folder` what the container will see in its volumes, as far as its chart makes it."""
    sources = {volume["name"]: volume for volume in workload.volumes}
    for mount in workload.container["volumeMounts"]:
        volume = sources[mount["name"]]
        place = folder / mount["mountPath"].lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        secret = volume.get("secret", {}).get("secretName")
        # A CA may be an object that another chart or the cluster makes, a certificate one of cert-manager or OpenShift.
        outside = {"ca.crt"} if mount["name"].endswith("-ca") else set()
        outside |= {"tls.crt", "tls.key"} if mount["name"] == "tls" else set()
        for key in workload.secrets.get(secret, outside):
            (place / key).write_text(SECRET)


def begin(workload: Workload, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[BaseException | None, set[str]]:
    """Runs the command up to its settings: how it ended, and which variables it looked at."""
    mounted(workload, folder)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    environment = {
        name: f"{folder}{text}" if text.startswith("/etc/") else text for name, text in workload.environment.items()
    }
    monkeypatch.setattr(settings, "Environment", Seen)
    monkeypatch.setattr(logs, "configure", lambda _level: None)
    arguments = [str(word) for word in workload.container["args"]]
    ended = CliRunner().invoke(app, arguments, env=environment)
    parameters = command_variables(arguments[0])
    return ended.exception or RuntimeError(f"it ended: {ended.output}"), Seen.asked | parameters


@cache
def command_variables(name: str) -> set[str]:
    """Variables that stand for options of a command."""
    import typer

    group: Any = typer.main.get_command(app)
    found: set[str] = set()
    for parameter in group.commands[name].params:
        variable = parameter.envvar
        found |= {variable} if isinstance(variable, str) else set(variable or ())
    return found


def all_workloads(name: str) -> dict[str, Workload]:
    """The different containers that one step from a chart's values makes, by what makes them different."""
    found: dict[str, Workload] = {}
    for what, _, values in walked(name):
        if not refusals(name, values):
            for workload in workloads(f"{name}: {what}:", generator(name).generate(values).hydrate("ward")):
                found.setdefault(json.dumps([workload.container, workload.volumes], sort_keys=True), workload)
    return found


@cache
def fleet_workloads() -> list[Workload]:
    """Those of the hospitals in values/."""
    fleet = load_fleet(ROOT)
    return [
        workload
        for made in Renderer(fleet).clusters(fleet.facts)
        for one in made.apps
        if one.chart is not None
        for workload in workloads(f"{made.cluster.name}/{one.app.name}", one.chart.hydrate(one.app.namespace))
    ]


def faults(workload: Workload, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    end, asked = begin(workload, folder, monkeypatch)
    if not isinstance(end, Begun):
        what = str(end) if isinstance(end, UsageError) else repr(end)
        yield f"{workload.shown} {workload.container['args']} does not start: {what}"
        return
    for name in sorted(workload.environment):
        if name.startswith(PREFIX) and name not in asked | FOR_ALL:
            yield f"{workload.shown}: {name} is nothing that {workload.container['args'][0]} reads"


STAGES = {
    "database": {"migrate"},
    "gitops": set(),
    "housekeeping": {"backfill", "replay", "purge"},
    "image-generator": {"simulate"},
    "kafka": set(),
    "notifier": {"notify"},
    "results-api": {"results"},
    "risk-assessment": {"serve", "deadletter"},
    "serverless": set(),
    "xray-storage": set(),
}
"""Which commands each chart runs. A chart that is not here runs whatever it likes, as long as that starts."""


def changed(workload: Workload, how: str) -> Workload:
    """`workload` with one fault."""
    container = copy.deepcopy(workload.container)
    if how == "missing":
        container["env"] = [entry for entry in container["env"] if entry["name"] != "MEDPATTERN_INPUT_TOPIC"]
    elif how == "misspelt":
        container["env"].append({"name": "MEDPATTERN_DEAD_LETTER_GROUP", "value": "recorder"})
    elif how == "out of range":
        container["args"].append("--most-replays=1000")
    elif how == "option":
        container["args"].append("--retriable")
    secrets = {name: keys - {"dead-letter"} for name, keys in workload.secrets.items()}
    return replace(workload, container=container, secrets=secrets if how == "secret" else workload.secrets)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "MEDPATTERN_INPUT_TOPIC is not set"),
        ("misspelt", "MEDPATTERN_DEAD_LETTER_GROUP is nothing that replay reads"),
        ("out of range", "does not start"),
        ("option", "does not start"),
        ("secret", "dead-letter, which cannot be read"),
    ],
)
def test_a_chart_that_gives_something_wrong_is_caught(
    how: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay = next(one for one in all_workloads("housekeeping").values() if one.container["name"] == "replay")

    assert list(faults(replay, tmp_path / "whole", monkeypatch)) == []
    (fault,) = faults(changed(replay, how), tmp_path / "broken", monkeypatch)
    assert said in fault


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_chart_runs_starts_with_what_the_chart_gives_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list(all_workloads(name).values())
    wrong = [
        fault for index, one in enumerate(found) for fault in faults(one, tmp_path / str(index), monkeypatch)
    ]  # fmt: skip

    assert wrong == []
    assert {one.container["args"][0] for one in found} == STAGES.get(name, {one.container["args"][0] for one in found})


def test_whatever_the_hospitals_run_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = fleet_workloads()
    wrong = [
        fault for index, one in enumerate(found) for fault in faults(one, tmp_path / str(index), monkeypatch)
    ]  # fmt: skip

    assert wrong == []
    assert {"serve", "deadletter", "notify", "backfill", "replay", "purge", "migrate"} <= {
        one.container["args"][0] for one in found
    }


def test_each_program_logs_in_with_the_role_that_the_database_has_for_it() -> None:
    # Dead letters have a role for a sink that records; in a cluster the job replays and records, and the sink has none.
    roles = chart_source("database").values.data["roles"]
    assert {name: entry["role"] for name, entry in roles.items()} == {
        role.value: role.default_name for role in Role if role is not Role.DEAD_LETTERS
    }
    users = {"risk-assessment": "service", "notifier": "notify", "housekeeping": "housekeeping"}
    for chart, program in (users | {"results-api": "results-api"}).items():
        database = chart_source(chart).values.data["database"]
        server = chart_source("database").values.data
        assert database["role"] == roles[program]["role"]
        assert database["passwordProperty"] == roles[program]["passwordProperty"]
        assert database["remoteKey"] == server["passwords"]["remoteKey"]
        assert database["name"] == server["databaseName"]
        assert database["host"] == f"{server['name']}-rw.{database['namespace']}.svc"
        assert database["caSecret"] == f"{server['name']}-ca-cert"
