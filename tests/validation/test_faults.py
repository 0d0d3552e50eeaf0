"""Each planted fault is found, at the line that causes it, and nothing is found in the fleet without it."""

from __future__ import annotations

from datetime import date

import pytest

from medpattern.checks.waivers import judge, read_waivers
from medpattern.rendering.handbook import sections
from tests.validation.harness import Fault, Plot, faults

# On which no waiver of the shipped fleet has ended.
SOME_DAY = date(2026, 12, 1)
WANTED = {"schema": 20, "wiring": 25, "policy": 15}
ROWS = [(kind, fault) for kind in WANTED for fault in faults(kind)]


@pytest.mark.parametrize("fault", [fault for _, fault in ROWS], ids=[f"{kind}: {fault.name}" for kind, fault in ROWS])
def test_a_planted_fault_is_found_where_it_stands(fault: Fault, plot: Plot) -> None:
    is_told, found = plot.told(fault)

    assert is_told, "found instead:\n" + "\n".join(map(str, found))


def test_the_fleet_without_a_fault_has_no_finding_but_the_digests_that_are_waived(plot: Plot) -> None:
    content = (plot.root / "values/waivers.yaml").read_bytes()

    judged = judge(plot.clean.findings, read_waivers("values/waivers.yaml", content, sections()), SOME_DAY)

    assert judged.findings == ()
    assert {one.finding.code for one in judged.waived} == {"missing-digest"}
    assert plot.clean.is_fleet


@pytest.mark.parametrize("kind", WANTED)
def test_there_are_as_many_faults_of_each_kind_as_the_issue_asks_for(kind: str) -> None:
    rows = faults(kind)

    assert len(rows) >= WANTED[kind]
    assert len({fault.name for fault in rows}) == len(rows)
    assert len({fault.edits for fault in rows}) == len(rows)
