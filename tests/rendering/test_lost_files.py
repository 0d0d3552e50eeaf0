"""Files that vanish from the tree without a render do not take data with them unseen."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.fleet.small import commit, edit, medpattern

WARD = "values/values-ward.yaml"


def test_data_whose_files_were_deleted_by_hand_is_still_guarded(rendered: Path) -> None:
    commit(rendered)
    shutil.rmtree(rendered / "rendered/west/charts/broker")
    edit(rendered, WARD, "    broker:\n", "    broker:\n      disabled: true\n")
    result = medpattern("render", root=rendered)
    assert result.code == 2
    assert "west/KafkaTopic/images" in result.err


def test_a_deletion_that_was_agreed_to_is_not_asked_again_before_the_commit(rendered: Path) -> None:
    commit(rendered)
    edit(rendered, WARD, "    broker:\n", "    broker:\n      disabled: true\n")
    refused = medpattern("render", root=rendered)
    agreed = refused.err.splitlines()[-1].partition("medpattern ")[2].split()
    assert medpattern(*agreed, root=rendered).code == 0
    edit(rendered, WARD, "title: Ward", "title: Station")
    assert medpattern("render", root=rendered).code == 0


def test_only_the_named_application_is_written(rendered: Path) -> None:
    edit(
        rendered,
        WARD,
        "    viewer:\n",
        "    my-viewer: {namespace: images, argoProject: xray, path: charts/viewer}\n    viewer:\n",
    )
    assert medpattern("render", "--app", "viewer", root=rendered).code == 0
    assert not (rendered / "rendered/west/argocd/application-my-viewer.yaml").exists()
