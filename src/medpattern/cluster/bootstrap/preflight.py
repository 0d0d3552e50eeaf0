"""The preflight of bootstrap as a whole: cluster, Argo CD, rights, Secrets and repository; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from medpattern.argocd.names import SECRET_TYPE
from medpattern.cluster.bootstrap import engine, handover, leftovers, webhook
from medpattern.cluster.bootstrap.checkout import Login, Remote, ask_remote, repository_checks
from medpattern.cluster.bootstrap.engine import EngineState, Installation, Presence
from medpattern.cluster.bootstrap.intent import Wanted
from medpattern.cluster.bootstrap.olm import OPERATORS
from medpattern.cluster.bootstrap.steps import INSTALLER
from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.permissions import Right, lacking, plurals, to_apply
from medpattern.cluster.preflight import Check, cluster_checks, ok, problem, warning
from medpattern.errors import RefusalError, RemoteError, UsageError

if TYPE_CHECKING:
    from medpattern.secretstore.format import Entry, SecretName
    from medpattern.secretstore.hidden import Hidden
    from medpattern.secretstore.values import Values

ARGOCD_GROUP = "argoproj.io"


@dataclass(frozen=True)
class Preflight:
    """What the preflight found: the checks, and what they were made of."""

    checks: tuple[Check, ...]
    state: EngineState | None = None
    installation: Installation | None = None
    remote: Remote = field(default_factory=Remote)


def preflight(wanted: Wanted, connection: Connection) -> Preflight:
    """Looks at everything, changes nothing. A server that does not answer is a finding among the others."""
    login = _login_of_file(wanted)
    checks = list(wanted.local)
    state: EngineState | None = None
    installation: Installation | None = None
    try:
        checks += cluster_checks(connection, wanted.facts, wanted.inventory, {ARGOCD_GROUP})
        try:
            state = engine.engine_state(connection, wanted.namespace)
            login = login or handover.live_login(connection, wanted.namespace, wanted.git.repo_url)
        except RefusalError as error:
            checks.append(problem("permissions", str(error), "see the rights below"))
        installation, unreadable = _installation(wanted, state)
        checks += unreadable
        is_begun = engine.is_begun(connection, installation)
        checks += _engine_checks(wanted, state, installation, is_begun=is_begun)
        checks += _filled_checks(wanted, connection, installation)
        checks += _right_checks(wanted, connection, installation)
        checks += _secret_checks(wanted, connection)
    except RemoteError as error:
        cure = "see whether the API server runs, and whether the context is the right one"
        checks.append(problem("server", str(error), cure))
    remote = ask_remote(wanted.git.repo_url, wanted.git.revision, login or Login())
    checks += repository_checks(wanted.root, wanted.tree, wanted.facts.name, wanted.git, remote)
    return Preflight(tuple(checks), state, installation, remote)


def _installation(wanted: Wanted, state: EngineState | None) -> tuple[Installation | None, list[Check]]:
    """What installs Argo CD where it is not, or may not be seen; a manifest that cannot be had is a finding."""
    if state is not None and not (to_install(state) or upgrades(wanted, state)):
        return None, []
    if wanted.facts.is_openshift:
        return engine.by_operator(wanted.of_root, wanted.namespace), []
    if not wanted.manifest:
        return None, []
    try:
        found = engine.read_installation(wanted.manifest, wanted.sha256, wanted.namespace)
        return replace(found, is_upgrade=wanted.upgrades or (state is not None and state.is_upgrading)), []
    except (UsageError, RemoteError) as error:
        return None, [problem("argocd", str(error), "name another file or URL by --argocd-manifest")]


def _engine_checks(
    wanted: Wanted, state: EngineState | None, installation: Installation | None, *, is_begun: bool
) -> Iterator[Check]:
    if state is None:
        return
    if state.ending:
        what = ", ".join(state.ending)
        cure = "wait until it is gone; what holds it stands in its metadata.finalizers and status.conditions"
        yield problem("argocd", f"it is being deleted: {what}", cure)
    elif upgrades(wanted, state) and wanted.manifest:
        if installation:  # one that cannot be read has been told
            yield ok("argocd", f"Argo CD becomes that of {installation.source}")
    elif state.is_unfinished and installation:
        yield _finished(state, installation)
    elif state.presence is Presence.PRESENT and not state.is_unfinished:
        yield _left_as_it_is(wanted, state)
    elif state.presence is Presence.PARTIAL and not (state.is_unfinished or is_begun or _only_definitions(state)):
        yield problem(
            "argocd",
            f"Argo CD is there in part: {', '.join(state.there)}; not there: {', '.join(state.absent)}",
            f"finish its removal (kubectl delete namespace {wanted.namespace}) or its installation, and run this again",
        )
    elif installation is None and wanted.facts.is_openshift:
        cure = f"subscribe to the package {engine.PACKAGE} in clusterGroup.subscriptions, render and push"
        yield problem("argocd", "there is no Argo CD, and the tree does not install one", cure)
    elif installation is None and not wanted.manifest:
        found = "the installation of Argo CD was stopped" if state.is_unfinished else "there is no Argo CD"
        yield problem(
            "argocd",
            f"{found}, and nothing says which to install",
            "name upstream's manifests/install.yaml of a release by --argocd-manifest, or by "
            "medpattern.argocd.manifest in the values, with its sha256",
        )
    elif installation:
        begun = "its installation was begun and is finished" if is_begun else "it is installed"
        yield ok("argocd", f"there is no Argo CD; {begun} from {installation.source}")


def _finished(state: EngineState, installation: Installation) -> Check:
    """Of an installation that was stopped: another manifest than its own would leave parts of both."""
    what = "upgrade" if state.is_upgrading else "installation"
    begun = state.record.get("manifestSha256", "")
    if installation.digest not in ("", begun):
        return problem(
            "argocd",
            f"its {what} was stopped, from a manifest with the sha256 {begun}; {installation.source} has "
            f"{installation.digest}",
            "name the manifest that was begun, in the values or by --argocd-manifest; or go on to this one with "
            "--upgrade-argocd",
        )
    return ok("argocd", f"Argo CD is not whole; its {what} was begun and is finished from {installation.source}")


def _left_as_it_is(wanted: Wanted, state: EngineState) -> Check:
    """Of an Argo CD that is there and stays what it is; a problem where it was asked to become another."""
    installed = state.record.get("manifestSha256", "")
    if wanted.upgrades and wanted.facts.is_openshift:
        cure = f"change the channel of {engine.PACKAGE} in clusterGroup.subscriptions, render and push"
        return problem("argocd", "on OpenShift its operator upgrades Argo CD, not --upgrade-argocd", cure)
    if wanted.upgrades and not state.is_ours:
        cure = "upgrade it the way it was installed"
        return problem("argocd", f"the Argo CD in {wanted.namespace} was not installed by bootstrap", cure)
    if wanted.upgrades:
        cure = "name it by medpattern.argocd.manifest in the values, with its sha256, or by --argocd-manifest"
        return problem("argocd", "nothing says to which release Argo CD is to be upgraded", cure)
    if installed and wanted.sha256 and installed != wanted.sha256.removeprefix("sha256:").lower():
        return warning(
            "argocd",
            f"Argo CD is there, from a manifest with the sha256 {installed}; the values name another",
            "it is left as it is; --upgrade-argocd takes the one of the values",
        )
    return ok("argocd", f"Argo CD is there, in {wanted.namespace}; it is left as it is")


def _filled_checks(wanted: Wanted, connection: Connection, installation: Installation | None) -> Iterator[Check]:
    """Which objects that the new release does not have an upgrade leaves all the same."""
    if not (installation and installation.is_upgrade):
        return
    try:
        found = list(leftovers.filled(connection, installation, wanted.namespace, INSTALLER))
    except RefusalError:
        return  # the checks of permissions say so
    for one in found:
        kind, name = one["kind"], one["metadata"]["name"]
        yield warning(
            "argocd",
            f"{installation.source} has no {kind} {name}, and it stays: others have written into it",
            f"if nothing needs it any more: kubectl --namespace {wanted.namespace} delete {kind.lower()} {name}",
        )


def upgrades(wanted: Wanted, state: EngineState) -> bool:
    """Whether an Argo CD that bootstrap has installed from a manifest becomes another one, or is made whole."""
    return wanted.upgrades and state.is_ours and not wanted.facts.is_openshift


def _only_definitions(state: EngineState) -> bool:
    """What is left of an Argo CD that was removed, kinds apart."""
    return all(what.startswith(engine.CRD) for what in state.there)


def to_install(state: EngineState) -> bool:
    """Whether Argo CD is still to be installed, or its installation to be finished."""
    return state.presence is not Presence.PRESENT or state.is_unfinished


def rights(wanted: Wanted, connection: Connection, installation: Installation | None) -> set[Right]:
    """What the login needs for a run; `installation` is None where Argo CD is there."""
    namespace = wanted.namespace
    things = [*handover.namespaces(wanted.of_root), *handover.roots(wanted.of_root, wanted.root_application)]
    things += installation.objects if installation else ()
    if wanted.secrets:
        things += [_secret_stub(one.namespace) for entry in wanted.secrets.entries
                   for one in wanted.secrets.kubernetes_secrets(entry)]  # fmt: skip
    things += () if wanted.facts.is_openshift else (engine.record(namespace, "", ""), handover.config_map(namespace))
    things += _webhook_change(wanted, connection)
    definitions = installation.definitions if installation else ()
    known = {(ARGOCD_GROUP, "Application"): ("applications", True), (ARGOCD_GROUP, "AppProject"): ("appprojects", True)}
    found = to_apply(things, {**known, **plurals(connection.resources, definitions)})
    if wanted.facts.is_openshift:
        found |= {Right(ARGOCD_GROUP, "argocds", verb, namespace) for verb in ("list", "get", "patch")}
        found.add(Right("", "configmaps", "get", namespace))
    if installation and installation.subscription:
        found.add(Right(OPERATORS, "clusterserviceversions", "get", installation.space["metadata"]["name"]))
    found |= {Right("", "secrets", "get", one.namespace) for one in _written_by_nobody(wanted)}
    found |= leftovers.rights(namespace) if installation and installation.is_upgrade else set()
    found |= {
        Right("", "namespaces", "get"),
        Right("", "secrets", "list", namespace),
        Right("apiextensions.k8s.io", "customresourcedefinitions", "get"),
        Right("apps", "deployments", "list", namespace),
        Right("apps", "statefulsets", "list", namespace),
        Right(ARGOCD_GROUP, "applications", "list", namespace),
        Right("storage.k8s.io", "storageclasses", "list"),
    }
    return found


def _webhook_change(wanted: Wanted, connection: Connection) -> list[Object]:
    try:
        change = webhook.change(connection, wanted.namespace, wanted.webhook, is_whole=True)
    except RefusalError:
        return []  # what refuses is among the rights below
    return [change] if change else []


def _secret_stub(namespace: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "any", "namespace": namespace}}


def _right_checks(wanted: Wanted, connection: Connection, installation: Installation | None) -> Iterator[Check]:
    found = tuple(lacking(connection, rights(wanted, connection, installation), "permissions"))
    yield from found or (ok("permissions", "the login may do all that is needed"),)


def _secret_checks(wanted: Wanted, connection: Connection) -> Iterator[Check]:
    """Whether every Secret that nobody writes is there, or in the secrets file."""
    for secret in _written_by_nobody(wanted):
        try:
            is_there = connection.get("v1", "Secret", secret.name, secret.namespace) is not None
        except RefusalError:
            continue  # the checks of permissions say so
        if not is_there:
            yield problem(
                "secrets",
                f"nobody writes the {secret}",
                "put it into the secrets file (medpattern secrets plan shows its keys) and name the file by --secrets",
            )
    yield from webhook.checks(connection, wanted)


def _written_by_nobody(wanted: Wanted) -> list[SecretName]:
    """The Secrets that something of the tree reads, and that neither the tree nor the secrets file makes."""
    from medpattern.secretstore.plan import Writer, plan

    return [row.secret for row in plan(wanted.inventory, wanted.secrets).secrets if row.writer is Writer.NOBODY]


# ---- logins ------------------------------------------------------------------------------------------------------


def _login_of_file(wanted: Wanted) -> Login | None:
    """The login to the repository that the secrets file has; None without one."""
    if wanted.secrets is None or wanted.values is None:
        return None
    logins = (
        (entry.labels[SECRET_TYPE], _field(wanted.values, entry, "url"), entry)
        for entry in wanted.secrets.entries
        if wanted.secrets.kubernetes_secrets(entry) and entry.labels.get(SECRET_TYPE) in handover.REPOSITORY_TYPES
    )
    chosen = handover.login_of(wanted.git.repo_url, ((kind, url.text(), entry) for kind, url, entry in logins if url))
    return Login(*(_field(wanted.values, chosen, key) for key in handover.LOGIN_KEYS)) if chosen else None


def _field(values: Values, entry: Entry, name: str) -> Hidden | None:
    found = entry.field(name)
    return values.of(entry, found) if found else None
