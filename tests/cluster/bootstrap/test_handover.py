"""What Argo CD is given: its health check, and the login that it has already."""

from __future__ import annotations

import base64

from medpattern.argocd.names import SECRET_TYPE
from medpattern.cluster.bootstrap import handover
from medpattern.cluster.connection import Object
from tests.cluster.standin import ARGOCD, KINDS, StandIn, thing

URL = "https://git.example.org/hospital/values.git"


def secret(name: str, kind: str, **data: str) -> Object:
    content = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return thing("Secret", name, "argocd", metadata={"labels": {SECRET_TYPE: kind}}, data=content)


def test_the_health_check_is_that_of_the_chart_and_is_written_once() -> None:
    made = handover.health_check(StandIn(), "argocd", is_openshift=False)

    assert made is not None
    assert "the source has changed and is not compared yet" in made["data"][handover.HEALTH_KEY]
    assert made["metadata"]["labels"] == {"app.kubernetes.io/part-of": "argocd"}
    assert handover.health_check(StandIn([made]), "argocd", is_openshift=False) is None


def test_on_openshift_the_checks_of_others_stay() -> None:
    other = {"group": "example.org", "kind": "Film", "check": "return {}"}
    live = thing("ArgoCD", "openshift-gitops", "gitops", spec={"resourceHealthChecks": [other]})
    server = StandIn([live], [*KINDS, ARGOCD])

    made = handover.health_check(server, "gitops", is_openshift=True)

    assert made is not None
    checks = made["spec"]["resourceHealthChecks"]
    assert checks[0] == other
    assert (checks[1]["group"], checks[1]["kind"]) == ("argoproj.io", "Application")
    live["spec"]["resourceHealthChecks"] = checks
    assert handover.health_check(server, "gitops", is_openshift=True) is None


def test_on_openshift_the_operator_has_to_write_the_check_first() -> None:
    live = thing("ArgoCD", "openshift-gitops", "gitops")
    written = thing("ConfigMap", "argocd-cm", "gitops", data={handover.HEALTH_KEY: "a check"})

    def unwritten(*objects: Object) -> str:
        found = handover.unwritten_health_check(StandIn(objects, [*KINDS, ARGOCD]), "gitops")
        return found.words if found else ""

    assert "has not written the health check" in unwritten(live)
    assert "has not written the health check" in unwritten(live, thing("ConfigMap", "argocd-cm", "gitops"))
    assert unwritten(live, written) == ""
    assert unwritten() == ""


def test_namespaces_are_made_by_name_and_our_label_alone() -> None:
    labelled = thing("Namespace", "kafka", metadata={"labels": {"a": "b"}})

    assert handover.namespaces([labelled, thing("ConfigMap", "c")]) == [
        thing("Namespace", "kafka", metadata={"labels": {"app.kubernetes.io/managed-by": "medpattern"}})
    ]


def test_the_login_of_the_longest_address_counts() -> None:
    prefix = secret("all", "repo-creds", url="https://git.example.org", username="a", password="one")
    exact = secret("mine", "repository", url=URL.removesuffix(".git"), username="b", password="two")
    other = secret("other", "repository", url="https://elsewhere.example.org/x.git", password="three")

    found = handover.live_login(StandIn([prefix, exact, other]), "argocd", URL)
    assert found is not None
    assert found.password is not None
    assert found.password.text() == "two"
    by_prefix = handover.live_login(StandIn([prefix, other]), "argocd", URL)
    assert by_prefix is not None
    assert by_prefix.password is not None
    assert by_prefix.password.text() == "one"
    assert handover.live_login(StandIn([other]), "argocd", URL) is None
