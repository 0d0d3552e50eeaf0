"""Spokes join, and change their token: what is applied on the spoke and on the hub.

Everything is server-side apply of the same objects, so a run that was stopped anywhere is finished by a further one.
Tokens go from the spoke's API server to the hub's, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from medpattern.cluster.bootstrap.steps import Applied, Done, apply, words_of
from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.spokes import account, registration
from medpattern.cluster.spokes.preflight import Both, Found
from medpattern.cluster.spokes.registration import MANAGER, Registration
from medpattern.cluster.spokes.tree import Spoke
from medpattern.errors import RemoteError
from medpattern.secretstore.hidden import Hidden

Tell = Callable[[str], None]


def add(spoke: Spoke, both: Both, found: Found, tell: Tell) -> int:
    """Gives the hub's Argo CD a spoke; how many objects were made, changed or removed.

    Args:
        spoke: what it is to get.
        both: connections.
        found: the preflight, without problems.
        tell: called with a line for each object that was changed.

    Raises:
        RemoteError: a server went away or refuses; a further run goes on.
    """
    done = _Done(tell)
    wanted = account.objects(spoke.facts.name, found.rights, found.absent)
    for thing in wanted:
        done.add(apply(both.spoke, thing))
    kept = {account.key(thing) for thing in wanted}
    for thing in account.roles(both.spoke):
        if account.key(thing) not in kept:
            done.remove(both.spoke, thing)
    token = _token(spoke, both, done)
    _respect(spoke, both.hub, done)
    _register(spoke, both, found, token, done)
    return done.count


def preview(spoke: Spoke, both: Both, found: Found) -> Iterator[str]:
    """What `add` would do, line by line; nothing is changed."""
    wanted = account.objects(spoke.facts.name, found.rights, found.absent)
    for thing in wanted:
        yield from _tried(both.spoke, thing)
    kept = {account.key(thing) for thing in wanted}
    yield from (f"removed  {words_of(one)}" for one in account.roles(both.spoke)
                if account.key(one) not in kept)  # fmt: skip
    settings = registration.settings(both.hub, spoke.argocd_namespace, is_openshift=spoke.hub.is_openshift)
    if settings and not registration.respected(settings):
        yield f"changed  {words_of(settings)}: {registration.RESPECT_KEY} is {registration.STRICT}"
    live = _live(spoke, both.hub)
    state = registration.state(live)
    if state != (_digest(both, found), spoke.facts.server, ",".join(found.rights.spaces)):
        name = f"Secret {registration.secret_name(spoke.facts.name)} in {spoke.argocd_namespace}"
        yield f"{'changed' if live else 'created'}  {name}"


def rotate(spoke: Spoke, both: Both, tell: Tell) -> None:
    """Gives the hub a new token; the old ones end once the new one is known to work.

    Raises:
        RemoteError: the spoke is not added, a server went away or refuses, or an old token is still taken.
    """
    done = _Done(tell)
    live = _live(spoke, both.hub)
    if live is None:
        raise RemoteError(f"the hub does not know '{spoke.facts.name}'; run: medpattern cluster add {spoke.facts.name}")
    before = registration.token(live)
    token = _new_token(both, done)
    thing = registration.with_token(live, token)
    done.add(apply(both.hub, thing, MANAGER))
    for name, old in account.tokens(both.spoke).items():
        if old != token:
            both.spoke.delete("v1", "Secret", name, account.NAMESPACE)
            tell(f"removed  Secret {name} in {account.NAMESPACE} on the spoke, with the old token")
    if before is not None and before != token:
        account.await_revoked(both.way.login(before))
        tell("the spoke takes the old token no longer")


class _Done:
    """Counts and tells what was changed."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.count = 0

    def add(self, one: Applied) -> None:
        if one.done is not Done.UNCHANGED:
            self.count += 1
            self.tell(f"{one.done.value}  {one.thing}")

    def remove(self, connection: Connection, thing: Object) -> None:
        kind, namespace, name = account.key(thing)
        if connection.delete(thing["apiVersion"], kind, name, namespace):
            self.count += 1
            self.tell(f"removed  {words_of(thing)}")


def _tried(connection: Connection, thing: Object) -> Iterator[str]:
    from medpattern.cluster.bootstrap.steps import content_of

    metadata = thing["metadata"]
    before = connection.get(thing["apiVersion"], thing["kind"], metadata["name"], metadata.get("namespace", ""))
    if before is None:
        yield f"created  {words_of(thing)}"
    elif content_of(connection.apply(thing, dry_run=True, force=True)) != content_of(before):
        yield f"changed  {words_of(thing)}"


def _live(spoke: Spoke, hub: Connection) -> Object | None:
    return hub.get("v1", "Secret", registration.secret_name(spoke.facts.name), spoke.argocd_namespace)


def _token(spoke: Spoke, both: Both, done: _Done) -> Hidden:
    """The token that the hub has, if the spoke has it in a Secret; else one that is there; else a new one."""
    there = list(account.tokens(both.spoke).values())
    used = registration.token(_live(spoke, both.hub))
    if used is not None and used in there:
        return used
    return there[-1] if there else _new_token(both, done)


def _new_token(both: Both, done: _Done) -> Hidden:
    thing = account.token_secret()
    done.add(apply(both.spoke, thing))
    token = account.await_token(both.spoke, thing["metadata"]["name"])
    user = account.user_of(both.way.login(token))
    if user != account.USER:
        raise RemoteError(f"the spoke takes its new token for '{user}' and not for '{account.USER}'")
    return token


def _respect(spoke: Spoke, hub: Connection, done: _Done) -> None:
    live = registration.settings(hub, spoke.argocd_namespace, is_openshift=spoke.hub.is_openshift)
    if live is not None and not registration.respected(live):
        done.add(apply(hub, registration.respect(live), MANAGER))


def _digest(both: Both, found: Found) -> str:
    kinds = sorted({(one.group, one.kind) for one in both.spoke.resources.all})
    return registration.digest(found.rights.cluster, found.rights.spaces, kinds)


def _register(spoke: Spoke, both: Both, found: Found, token: Hidden, done: _Done) -> None:
    system = both.spoke.get("v1", "Namespace", "kube-system") or {}
    wanted = Registration(
        name=spoke.facts.name,
        server=spoke.facts.server,
        authority=both.way.authority,
        server_name=both.way.server_name,
        namespaces=tuple(sorted(found.rights.spaces)),
        digest=_digest(both, found),
        identity=str((system.get("metadata") or {}).get("uid") or ""),
        token=token,
    )
    thing = registration.secret(wanted, spoke.argocd_namespace, _live(spoke, both.hub))
    done.add(apply(both.hub, thing, MANAGER))
