"""The command line as a whole: help, exit codes, what goes to which stream."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from medpattern import __version__
from tests.cli.terminal import on_a_terminal
from tests.fleet.small import CHECKOUT, SMALL, Result, copy_small, edit, medpattern, process

COMMANDS = [
    ("init",),
    ("render",),
    ("validate",),
    ("graph",),
    ("explain",),
    ("schema",),
    ("schemas", "list"),
    ("schemas", "import"),
    ("lock",),
    ("promote",),
    ("diff",),
    ("status",),
    ("doctor",),
    ("cluster", "inspect"),
    ("cluster", "add"),
    ("cluster", "rotate"),
    ("cluster", "remove"),
    ("list", "clusters"),
    ("list", "apps"),
    ("list", "charts"),
    ("list", "layers"),
    ("list", "images"),
    ("bootstrap",),
    ("uninstall",),
    ("secrets", "plan"),
    ("secrets", "check"),
    ("secrets", "generate"),
    ("secrets", "load"),
    ("secrets", "rotate"),
    ("run",),
    ("serve",),
    ("source",),
    ("bridge",),
    ("deadletter",),
    ("replay",),
    ("notify",),
    ("receive",),
    ("simulate",),
    ("backfill",),
    ("purge",),
    ("migrate",),
    ("results",),
    ("report",),
    ("verdict",),
    ("model", "train"),
    ("model", "export"),
    ("model", "card"),
    ("model", "evaluate"),
    ("model", "evidence"),
    ("model", "explain"),
    ("model", "inspect"),
    ("model", "robustness"),
]

HEAVY = (
    "jinja2", "yaml", "jsonschema", "jsonschema_rs", "rich", "kubernetes", "pydantic", "helm_python", "packaging",
    "alembic", "boto3", "confluent_kafka", "cryptography", "jwt", "matplotlib", "moto", "numpy", "onnxruntime", "PIL",
    "psycopg", "prometheus_client", "oras", "pydicom", "requests", "ruamel", "semantic_version", "pynetdicom", "hvac",
    "pyrage", "sklearn", "sqlalchemy", "starlette", "torch", "urllib3", "uvicorn",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_each_command_shows_an_example_that_begins_with_it(command: tuple[str, ...]) -> None:
    result = medpattern(*command, "--help")

    assert result.code == 0
    assert f"medpattern {' '.join(command)}" in " ".join(result.out.partition("Example")[2].split())


def test_the_table_names_every_command() -> None:
    text = medpattern("--help").out
    listed = {line.split()[0] for line in text.partition("Commands:")[2].splitlines() if line.strip()}

    assert listed == {command[0] for command in COMMANDS}


@pytest.mark.parametrize("arguments", [(), ("list",)], ids=["medpattern", "medpattern list"])
def test_without_a_command_help_is_shown(arguments: tuple[str, ...]) -> None:
    result = medpattern(*arguments)

    assert result.code == 2
    assert "Usage:" in result.out + result.err


def test_version_is_printed() -> None:
    assert medpattern("--version") == Result(0, f"medpattern {__version__}\n", "")


@pytest.mark.parametrize("arguments", ["--help", "render --help", "--version"])
def test_help_loads_nothing_heavy(arguments: str) -> None:
    code = (
        "import sys\n"
        f"sys.argv[1:] = {arguments.split()!r}\n"
        "from medpattern.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )

    result = run_python(code)

    assert result.out.splitlines()[-1] == "LOADED []", result.err


def run_python(code: str) -> Result:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


# ---- exit codes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("render",), 0),
        (("render", "--check"), 1),
        (("render", "--diff"), 1),
        (("render", "--dry-run"), 0),
        (("render", "--no-such-flag"), 2),
        (("render", "--cluster", "nowhere"), 2),
        (("render", "--diff-to", "HEAD"), 2),
        (("no-such-command",), 2),
        (("explain", "west"), 2),
        (("explain", "west", "nothing"), 2),
        (("explain", "west", "viewer", "a..b"), 2),
        (("explain", "west", "viewer", "--field", "spec"), 2),
        (("explain", "west", "viewer", "--object", "Deployment"), 2),
        (("explain", "west", "viewer", "replicas", "--object", "Deployment/viewer"), 2),
        (("render", "--diff-from", "HEAD"), 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_exit_codes_are_as_documented(arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    result = process(*arguments, cwd=copy_small(tmp_path))

    assert result.code == code, result.err
    assert "Traceback" not in result.err


def test_wrong_input_is_2_in_every_way_of_looking(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/values-ward.yaml", "path: charts/broker", "path: charts/brokr")

    for mode in ("", "--check", "--dry-run", "--diff", "--stdout"):
        result = medpattern("render", *([mode] if mode else []), root=root)
        assert result.code == 2, mode
        assert "unknown-chart" in result.err, mode
    for command in (("list", "images"), ("explain", "west", "broker")):
        assert medpattern(*command, root=root).code == 2, command


def test_a_folder_without_values_is_told_how_to_begin(tmp_path: Path) -> None:
    result = process("render", cwd=tmp_path)

    assert result.code == 2
    assert "medpattern init" in result.err
    assert len(result.err.splitlines()) == 1


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    """As in `medpattern render --stdout | head -n 1`."""
    root = copy_small(tmp_path)
    command = subprocess.Popen(
        [sys.executable, "-m", "medpattern", "render", "--stdout"], cwd=root, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
    )  # fmt: skip
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.close()
    talk = command.stderr.read()
    command.stderr.close()

    assert command.wait() == -signal.SIGPIPE, "as cat and grep end; 1 would read as a difference"
    assert "Error" not in talk
    assert "Traceback" not in talk


# ---- streams and colours ---------------------------------------------------------------------------------------


def test_data_goes_to_stdout_and_talk_to_stderr(tmp_path: Path) -> None:
    root = copy_small(tmp_path)

    result = medpattern("render", root=root)
    assert result.out == ""
    assert "created" in result.err

    result = medpattern("list", "clusters", root=root)
    assert result.err == ""
    assert [line.split()[0] for line in result.out.splitlines()] == ["east", "hub", "west"]


@pytest.mark.parametrize("no_colour", ["", "1"], ids=["colours", "NO_COLOR"])
def test_colours_are_for_terminals_and_follow_no_color(no_colour: str, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/values-ward.yaml", "path: charts/broker", "path: charts/brokr")

    assert ("\x1b[31m" in on_a_terminal(root, "render", NO_COLOR=no_colour)) is (not no_colour)
    assert "\x1b" not in process("render", cwd=root).err


# ---- JSON ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ("render", "--check"),
        ("render", "--diff"),
        ("render", "--dry-run"),
        ("render", "--out", "{out}"),
        ("explain", "west", "viewer"),
        ("explain", "west", "viewer", "replicas"),
        ("explain", "west", "viewer", "--object", "Deployment/viewer", "--field", "spec.replicas"),
        ("list", "clusters"),
        ("list", "apps"),
        ("list", "charts"),
        ("list", "layers"),
        ("list", "images"),
    ],
    ids=" ".join,
)
def test_output_json_is_json_and_nothing_else(command: tuple[str, ...], tmp_path: Path) -> None:
    words = [word.format(out=tmp_path / "out") for word in command]

    result = medpattern(*words, "--output", "json", root=SMALL)

    assert json.loads(result.out)


@pytest.mark.parametrize("mode", ["", "--check", "--dry-run"])
def test_findings_are_part_of_the_json(mode: str, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/values-ward.yaml", "path: charts/broker", "path: charts/brokr")

    result = medpattern("render", *([mode] if mode else []), "--output", "json", root=root)

    assert result.code == 2
    (finding,) = json.loads(result.out)["findings"]
    assert finding == {
        "code": "unknown-chart",
        "severity": "error",
        "file": "values/values-ward.yaml",
        "line": 19,
        "column": 7,
        "key": "clusterGroup.applications.broker.path",
        "message": "there is no chart in 'charts/brokr'",
        "cure": "did you mean 'charts/broker'?",
    }


# ---- schema ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["values", "cluster"])
def test_the_schema_is_json_schema_with_a_word_on_every_key(name: str) -> None:
    import jsonschema

    schema = json.loads(medpattern("schema", name).out)

    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["properties"]
    assert all("description" in item for key, item in schema["properties"].items() if key != "clusterGroup")


def test_an_unknown_schema_is_wrong_use() -> None:
    assert medpattern("schema", "nothing").code == 2
