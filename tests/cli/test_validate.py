"""`medpattern validate` as a user sees it: what is printed, where, and the exit code."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from medpattern.cli.validate import complete_code
from tests.cli.terminal import on_a_terminal
from tests.fleet.small import medpattern, process
from tests.validation.notes import FILES, MISSPELT, TEMPLATE, UNKNOWN, repository

LATER = (datetime.now(UTC) + timedelta(days=30)).date()
WAIVER = f"""\
waivers:
  - code: invalid-object
    app: notes
    reason: the template is mended next week
    expires: {LATER}
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def told(root: Path, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(medpattern("validate", "--output", "json", *arguments, root=root).out)
    return document


# ---- text ------------------------------------------------------------------------------------------------------


def test_a_clean_fleet_is_said_to_be_clean(tmp_path: Path) -> None:
    result = medpattern("validate", root=repository(tmp_path))

    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines()[-1].endswith("; nothing found")
    assert "2 clusters" in result.err


def test_an_error_is_printed_once_for_all_clusters_with_its_line(tmp_path: Path) -> None:
    result = medpattern("validate", root=repository(tmp_path, template=MISSPELT))

    assert result.code == 1
    (line,) = result.out.splitlines()
    assert line.startswith(f"{TEMPLATE}:5:1: error[invalid-object] north, south notes: ConfigMap/notes dta:")
    assert "did you mean 'data'?" in line
    assert result.err.splitlines()[-1].endswith("; 1 error")


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1)])
def test_warnings_fail_only_if_asked_to(tmp_path: Path, fail_on: str, code: int) -> None:
    result = medpattern("validate", "--fail-on", fail_on, root=repository(tmp_path, template=UNKNOWN))

    assert result.code == code
    assert "warning[no-schema]" in result.out


def test_a_file_that_nobody_can_read_is_a_finding_beside_the_others(tmp_path: Path) -> None:
    root = repository(tmp_path, template=MISSPELT)
    (root / "values/values-north.yaml").write_text("clusterGroup: [\n", "utf-8")

    result = medpattern("validate", root=root)

    assert result.code == 1
    assert "values/values-north.yaml:2:1: error[yaml-syntax]" in result.out
    assert "error[invalid-object] south notes:" in result.out
    assert "rules between clusters not checked" in result.err


def test_what_could_not_be_rendered_is_said_to_be_unchecked(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / "values/values-north.yaml").write_text(
        "clusterGroup: {applications: {notes: {values: {greting: hi}}}}\n", "utf-8"
    )

    result = medpattern("validate", root=root)

    assert result.code == 1
    assert "error[unknown-key]" in result.out
    assert "wiring not checked on north" in result.err


def test_a_process_of_its_own_says_all_of_it_and_ends_with_the_same_code(tmp_path: Path) -> None:
    root = repository(tmp_path, template=MISSPELT)

    inside = medpattern("validate", "--no-cache", root=root)

    assert process("validate", "--no-cache", "--root", root) == inside
    assert inside.code == 1


# ---- what is looked at -----------------------------------------------------------------------------------------


def test_one_cluster_is_looked_at_alone(tmp_path: Path) -> None:
    root = repository(tmp_path, template=MISSPELT)

    assert [one["clusters"] for one in told(root, "--cluster", "north")["findings"]] == [["north"]]
    assert told(root, "--cluster", "north")["betweenClusters"] is False
    assert told(root)["betweenClusters"] is True


def test_another_application_is_not_told_of(tmp_path: Path) -> None:
    root = repository(tmp_path, template=MISSPELT)
    text = FILES["values/values-ward.yaml"] + "    more: {namespace: notes, argoProject: platform, path: charts/more}\n"
    (root / "values/values-ward.yaml").write_text(text, "utf-8")
    for name in FILES:
        if name.startswith("charts/notes/"):
            copy = root / name.replace("notes/", "more/", 1)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(FILES[name].replace("name: notes", "name: more"), "utf-8")

    assert {one["app"] for one in told(root, "--app", "notes")["findings"]} == {"notes"}
    assert told(root, "--app", "more")["findings"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--cluster", "nort"),
        ("--app", "note"),
        ("--group", "wards"),
        ("--waivers", "nowhere.yaml"),
        ("--manifests", "nowhere"),
        ("--kubernetes-version", "1.34"),
        ("--explain", "invalid-objects"),
        ("--schemas", "nowhere"),
    ],
    ids=" ".join,
)
def test_wrong_use_ends_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = medpattern("validate", *arguments, root=repository(tmp_path))

    assert result.code == 2
    assert result.err.startswith("error:")
    assert not result.out


def test_nothing_is_written_into_the_repository(tmp_path: Path) -> None:
    root = repository(tmp_path)
    before = sorted(root.rglob("*"))

    assert medpattern("validate", root=root).code == 0
    assert sorted(root.rglob("*")) == before


# ---- waivers ---------------------------------------------------------------------------------------------------


def test_waived_findings_are_counted_and_shown_on_request(tmp_path: Path) -> None:
    root = repository(tmp_path, template=MISSPELT, waivers=WAIVER)

    quiet, loud = medpattern("validate", root=root), medpattern("validate", "--verbose", root=root)

    assert (quiet.code, quiet.out) == (0, "")
    assert quiet.err.splitlines()[-1].endswith("nothing found; 1 waived")
    assert f"waived until {LATER} (the template is mended next week): {TEMPLATE}:5:1: error" in loud.err


def test_a_waivers_file_elsewhere_is_used_instead(tmp_path: Path) -> None:
    root = repository(tmp_path / "repository", template=MISSPELT)
    (tmp_path / "mine.yaml").write_text(WAIVER, "utf-8")

    assert medpattern("validate", "--waivers", tmp_path / "mine.yaml", root=root).code == 0
    assert medpattern("validate", root=root).code == 1


def test_a_wrong_waivers_file_ends_with_2_and_its_line(tmp_path: Path) -> None:
    root = repository(tmp_path, waivers=WAIVER.replace("reason:", "reasn:"))

    result = medpattern("validate", root=root)

    assert result.code == 2
    assert "values/waivers.yaml:4:5: error[unknown-key] waivers[0].reasn" in result.err


# ---- JSON and SARIF --------------------------------------------------------------------------------------------


def test_json_has_what_the_text_has(tmp_path: Path) -> None:
    document = told(repository(tmp_path, template=MISSPELT))

    (one,) = document["findings"]
    assert (one["code"], one["severity"], one["file"], one["line"]) == ("invalid-object", "error", TEMPLATE, 5)
    assert (one["clusters"], one["app"], one["cure"]) == (["north", "south"], "notes", "did you mean 'data'?")
    assert (document["counts"]["errors"], document["counts"]["warnings"], document["counts"]["waived"]) == (1, 0, 0)
    assert document["clusters"] == ["north", "south"]


def test_json_names_the_waiver_of_what_does_not_count(tmp_path: Path) -> None:
    document = told(repository(tmp_path, template=MISSPELT, waivers=WAIVER))

    (one,) = document["waived"]
    assert document["findings"] == []
    assert one["code"] == "invalid-object"
    assert one["waiver"] == {
        "file": "values/waivers.yaml",
        "line": 2,
        "reason": "the template is mended next week",
        "expires": str(LATER),
    }


def sarif(root: Path) -> dict[str, Any]:
    """The log, after the classes made of the standard's schema have taken it."""
    from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Log

    document: dict[str, Any] = json.loads(medpattern("validate", "--output", "sarif", root=root).out)
    Log.model_validate(document)
    run: dict[str, Any] = document["runs"][0]
    return run


def test_sarif_points_at_the_line_and_brings_the_rule(tmp_path: Path) -> None:
    run = sarif(repository(tmp_path, template=MISSPELT))

    (result,) = run["results"]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    place = result["locations"][0]["physicalLocation"]
    assert (result["ruleId"], rule["id"], result["level"]) == ("invalid-object", "invalid-object", "error")
    assert "API server would refuse" in rule["fullDescription"]["text"]
    assert "did you mean 'data'?" in result["message"]["text"]
    assert place["artifactLocation"] == {"uri": TEMPLATE, "uriBaseId": "SRCROOT"}
    assert place["region"]["startLine"] == 5
    assert result["suppressions"] == []


def test_sarif_names_files_from_the_top_of_the_git_work_tree(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()

    run = sarif(repository(tmp_path / "our fleet", template=MISSPELT))

    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == f"our%20fleet/{TEMPLATE}"


def test_sarif_has_waived_findings_as_suppressed(tmp_path: Path) -> None:
    run = sarif(repository(tmp_path, template=MISSPELT, waivers=WAIVER))

    (suppression,) = run["results"][0]["suppressions"]
    assert suppression["kind"] == "external"
    assert "mended next week" in suppression["justification"]
    assert suppression["location"]["physicalLocation"]["region"]["startLine"] == 2


def test_a_finding_whose_line_moves_keeps_its_fingerprint(tmp_path: Path) -> None:
    first = sarif(repository(tmp_path / "a", template=MISSPELT))["results"][0]
    second = sarif(repository(tmp_path / "b", template=f"# a comment\n{MISSPELT}"))["results"][0]

    lines = [one["locations"][0]["physicalLocation"]["region"]["startLine"] for one in (first, second)]
    assert lines == [5, 6]
    assert first["partialFingerprints"] == second["partialFingerprints"]


def test_sarif_of_a_clean_fleet_has_no_result(tmp_path: Path) -> None:
    assert sarif(repository(tmp_path))["results"] == []


# ---- --explain -------------------------------------------------------------------------------------------------


def test_a_code_is_explained_without_a_repository(tmp_path: Path) -> None:
    result = medpattern("validate", "--explain", "waiver-expired", root=tmp_path)

    assert result.code == 0
    assert "waiver" in result.out
    assert "#" not in result.out.splitlines()[0]


def test_a_code_that_does_not_exist_is_answered_with_the_nearest(tmp_path: Path) -> None:
    assert "did you mean 'invalid-object'?" in medpattern("validate", "--explain", "invalid-objekt", root=tmp_path).err


@pytest.mark.parametrize(
    ("typed", "codes"), [("waiver-e", ["waiver-expired"]), ("no-such", []), ("invalid-o", ["invalid-object"])]
)
def test_codes_are_completed(typed: str, codes: list[str]) -> None:
    assert complete_code(typed) == codes


# ---- progress --------------------------------------------------------------------------------------------------


def test_a_terminal_sees_which_cluster_is_looked_at_and_a_pipe_does_not(tmp_path: Path) -> None:
    root = repository(tmp_path)

    shown = on_a_terminal(root, "validate", "--no-cache")

    assert "validating north (1 of 2)" in shown
    assert "validating south (2 of 2)" in shown
    assert shown.rstrip().endswith("nothing found")
    assert "validating" not in process("validate", "--no-cache", "--root", root).err


# ---- folders of manifests --------------------------------------------------------------------------------------

POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""


def test_a_rendered_folder_that_others_made_is_checked(tmp_path: Path) -> None:
    manifests = tmp_path / "east"
    manifests.mkdir()
    (manifests / "all.yaml").write_text(f"{POLICY}---\n{POLICY.replace('policyTypes', 'policyTyps')}", "utf-8")

    result = medpattern("validate", "--manifests", manifests, "--kubernetes-version", "1.33", root=tmp_path)

    assert result.code == 1
    assert "east/all.yaml:9:25: error[invalid-object] east: NetworkPolicy/closed spec.policyTyps" in result.out
