"""The lines of a difference, and what is not in them."""

from __future__ import annotations

from typing import Any

from medpattern.cluster.livediff.showing import unified


def thing(kind: str = "ConfigMap", **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, **more}


def test_what_the_server_adds_is_no_difference() -> None:
    live = thing(data={"k": "v"}, status={"x": 1})
    notes = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    live["metadata"] |= {"uid": "u", "resourceVersion": "7", "generation": 3, "managedFields": [], "annotations": notes}

    assert unified(live, thing(data={"k": "v"})) == ()


def test_the_lines_are_those_that_change_and_all_of_a_new_object() -> None:
    assert [line for line in unified(thing(data={"k": "v"}), thing(data={"k": "w"})) if line[:1] in "+-"] == [
        "-  k: v",
        "+  k: w",
    ]
    assert {line[:1] for line in unified(None, thing())[1:]} == {"+"}


def test_no_value_of_a_secret_is_in_them() -> None:
    live = thing("Secret", data={"changed": "old-value", "same": "same-value", "gone": "gone-value"})
    wanted = thing("Secret", data={"changed": "new-value", "same": "same-value"}, stringData={"new": "plain-value"})

    for lines in (unified(live, wanted), unified(None, wanted), unified(wanted, live)):
        assert lines
        assert "value" not in "\n".join(lines).replace("another value", "")
    assert '+  changed: "(hidden, another value)"' in unified(live, wanted)
    assert not any("same" in line for line in unified(live, wanted) if line[:1] in "+-")
