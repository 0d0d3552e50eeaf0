"""What `medpattern uninstall` does to a cluster, as data: which steps, in which order, and what stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from itertools import groupby

from medpattern.findings import some


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """The name of one object; `namespace` is "" for what lives in none."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""

    @property
    def group(self) -> str:
        """The API group, "" for the core group."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" in {self.namespace}" if self.namespace else "")


@dataclass(frozen=True, slots=True)
class Stay:
    """Something that stays, and why."""

    thing: str
    why: str


@dataclass(frozen=True, slots=True)
class FoundApplication:
    """An Application of the cluster.

    Attributes:
        ref: its name.
        wave: its sync wave.
        objects: what it manages, with the sync wave of each.
        data: those of them that hold data.
        kept: those that go only with what holds data: the data, what owns a claim, and what Argo CD never deletes.
        is_root: whether it applies the others.
    """

    ref: Ref
    wave: int = 0
    objects: tuple[tuple[int, Ref], ...] = ()
    data: tuple[Ref, ...] = ()
    kept: frozenset[Ref] = frozenset()
    is_root: bool = False


@dataclass(frozen=True, slots=True)
class FoundSpace:
    """A namespace of the tree: whether it was made for the cluster, its data, and what others have in it."""

    name: str
    is_ours: bool
    data: tuple[Ref, ...] = ()
    foreign: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundEngine:
    """The Argo CD: what installed it, in the order of removal; `obstacle` says why it cannot go, "" if it can."""

    parts: tuple[Ref, ...] = ()
    space: Ref | None = None
    definitions: tuple[Ref, ...] = ()
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a cluster has of ours.

    `names` are the Applications, live or of the tree, whose objects are ours; `projects` maps an AppProject to the
    foreign Applications that use it; `unremoved` is what no step could take away without harm to others.
    """

    names: frozenset[str] = frozenset()
    applications: tuple[FoundApplication, ...] = ()
    projects: dict[Ref, tuple[str, ...]] = field(default_factory=dict)
    operators: tuple[Ref, ...] = ()
    spaces: tuple[FoundSpace, ...] = ()
    secrets: tuple[Ref, ...] = ()
    settings: tuple[Ref, ...] = ()
    unremoved: tuple[Stay, ...] = ()
    engine: FoundEngine = field(default_factory=FoundEngine)


class Verb(StrEnum):
    """What a step does to its object."""

    STOP = "stop"
    DELETE_ALL = "delete with its objects"
    TAKE_APART = "delete but for its data"
    LET_GO = "delete alone"
    DELETE = "delete"
    DELETE_SPACE = "delete if nothing of others is in it"
    TAKE_BACK = "take back our settings in"
    DELETE_DEFINITION = "delete if nothing is left of"


class Stage(IntEnum):
    """The order of the steps; Applications go by descending wave."""

    STOP = 1
    APPLICATIONS = 2
    ROOT = 3
    PROJECTS = 4
    OPERATORS = 5
    SPACES = 6
    SETTINGS = 7
    SECRETS = 8
    ENGINE = 9
    ENGINE_SPACE = 10
    DEFINITIONS = 11


@dataclass(frozen=True, slots=True)
class Step:
    """One object and what becomes of it.

    Attributes:
        stage: when; all steps of a stage and wave run side by side, and all are over before the next begin.
        wave: of an Application, else 0.
        verb: what is done.
        thing: to what.
        objects: of TAKE_APART, what is deleted one by one, with the wave of each.
        keeps: of DELETE_SPACE, whether data in it keep it.
        applications: whose objects count as ours in a namespace.
    """

    stage: Stage
    verb: Verb
    thing: Ref
    wave: int = 0
    objects: tuple[tuple[int, Ref], ...] = ()
    keeps: bool = False
    applications: frozenset[str] = frozenset()

    def __str__(self) -> str:
        wave = f", wave {self.wave}" if self.stage is Stage.APPLICATIONS else ""
        return f"{self.verb}: {self.thing}{wave}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order, the data that are lost by them, and what stays."""

    steps: tuple[Step, ...]
    data: tuple[Ref, ...]
    stays: tuple[Stay, ...]

    def groups(self) -> Iterator[tuple[Step, ...]]:
        """The steps that run side by side, group after group."""
        for _, found in groupby(self.steps, lambda one: (one.stage, one.wave)):
            yield tuple(found)


def plan(found: Found, *, keep_data: bool, engine: bool) -> Plan:
    """What is to be done about what was found.

    Args:
        found: what is there.
        keep_data: objects that hold data stay, with their namespaces, operators and Secrets.
        engine: Argo CD goes too, if medpattern has installed it and nobody else uses it.
    """
    holding = _holding(found) if keep_data else frozenset()
    steps = [
        *_of_applications(found, keep_data=keep_data),
        *(Step(Stage.PROJECTS, Verb.DELETE, ref) for ref, users in found.projects.items() if not users),
        *(Step(Stage.OPERATORS, Verb.DELETE, ref) for ref in found.operators if not keep_data),
        *_of_spaces(found, holding, keep_data=keep_data),
        # Before the Secrets: Argo CD takes a reference to a Secret that is gone for the secret itself.
        *(Step(Stage.SETTINGS, Verb.TAKE_BACK, ref) for ref in found.settings),
        *(Step(Stage.SECRETS, Verb.DELETE, ref) for ref in found.secrets if ref.namespace not in holding),
        *(_of_engine(found) if engine and not found.engine.obstacle else ()),
    ]
    data = {ref for app in found.applications for ref in app.data} | {ref for one in found.spaces for ref in one.data}
    lost = () if keep_data else tuple(sorted(data - _staying(found)))
    return Plan(tuple(steps), lost, tuple(_stays(found, data, keep_data=keep_data, engine=engine)))


def _holding(found: Found) -> frozenset[str]:
    """The namespaces of data and of the operators that look after them."""
    data = {ref.namespace for app in found.applications for ref in app.data}
    return frozenset(data | {one.name for one in found.spaces if one.data} | {ref.namespace for ref in found.operators})


def _staying(found: Found) -> set[Ref]:
    """Data that nothing deletes: of nobody's Application, in a namespace that stays."""
    managed = {ref for app in found.applications for ref in app.data}
    return {ref for one in found.spaces if not one.is_ours or one.foreign for ref in one.data if ref not in managed}


def _of_applications(found: Found, *, keep_data: bool) -> Iterator[Step]:
    roots = [one for one in found.applications if one.is_root]
    yield from (Step(Stage.STOP, Verb.STOP, one.ref) for one in roots)
    children = [one for one in found.applications if not one.is_root]
    for one in sorted(children, key=lambda app: (-app.wave, app.ref)):
        if keep_data and one.data:
            left = tuple((wave, ref) for wave, ref in one.objects if ref not in one.kept)
            yield Step(Stage.APPLICATIONS, Verb.TAKE_APART, one.ref, one.wave, left)
        else:
            yield Step(Stage.APPLICATIONS, Verb.DELETE_ALL, one.ref, one.wave)
    yield from (Step(Stage.ROOT, Verb.LET_GO, one.ref) for one in roots)


def _of_spaces(found: Found, holding: frozenset[str], *, keep_data: bool) -> Iterator[Step]:
    for one in found.spaces:
        if one.is_ours and not one.foreign and one.name not in holding:
            thing = Ref("v1", "Namespace", one.name)
            yield Step(Stage.SPACES, Verb.DELETE_SPACE, thing, keeps=keep_data, applications=found.names)


def _of_engine(found: Found) -> Iterator[Step]:
    yield from (Step(Stage.ENGINE, Verb.DELETE, ref) for ref in found.engine.parts)
    if found.engine.space:
        yield Step(Stage.ENGINE_SPACE, Verb.DELETE_SPACE, found.engine.space)
    yield from (Step(Stage.DEFINITIONS, Verb.DELETE_DEFINITION, ref) for ref in found.engine.definitions)


def _stays(found: Found, data: Iterable[Ref], *, keep_data: bool, engine: bool) -> Iterator[Stay]:
    for ref in sorted(data if keep_data else _staying(found)):
        yield Stay(str(ref), "it holds data" if keep_data else "it is in a namespace that stays")
    owning = {ref for app in found.applications if app.data for ref in app.kept} - set(data) if keep_data else set()
    yield from (Stay(str(ref), "it owns data, or Argo CD never deletes it") for ref in sorted(owning))
    for one in found.spaces:
        if why := _why_stays(one, is_kept=keep_data and one.name in _holding(found)):
            yield Stay(f"Namespace {one.name}", why)
    for ref, users in found.projects.items():
        if users:
            yield Stay(str(ref), f"Applications of others use it: {some(users)}")
    if keep_data:
        yield from (Stay(str(ref), "the data that stay may need it") for ref in found.operators)
    yield from found.unremoved
    yield Stay("CustomResourceDefinitions", "deleting one deletes every object of its kind, whoever made it")
    if not engine:
        yield Stay("Argo CD", "--engine removes it too, where bootstrap has installed it")
    elif found.engine.obstacle:
        yield Stay("Argo CD", found.engine.obstacle)
    elif found.engine.space is None:
        yield Stay("Argo CD's namespace", "it was there before, or holds what others have made")


def _why_stays(one: FoundSpace, *, is_kept: bool) -> str:
    if not one.is_ours:
        return "it was there before, or others have made it"
    if one.foreign:
        return f"it holds what others have made: {some(map(str, one.foreign))}"
    return "it holds data, or the operator of such" if is_kept else ""
