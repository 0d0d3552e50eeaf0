"""Rendered template text -> objects with leaves in them: the one form that chart and hydration share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from medpattern.charts.leaves import Leaf, Reference, as_text
from medpattern.charts.structure import LEAF_CLOSE, LEAF_OPEN
from medpattern.documents.reader import Document, parse_stream
from medpattern.documents.writer import Raw, double_quoted, dump
from medpattern.errors import ChartSourceError, InputError
from medpattern.findings import Finding, KeyPath, Place, dotted

# A template line's number stands in rendered text between these two, at the beginning of the line.
MARK_OPEN, MARK_CLOSE = "\ue010", "\ue011"
_BRACES = "\ue012"

_MARK = re.compile(f"{MARK_OPEN}(\\d+){MARK_CLOSE}")
_TOKEN = re.compile(f"{LEAF_OPEN}(\\d+){LEAF_CLOSE}")
_KIND_LINE = re.compile(r"^kind: *['\"]?([A-Za-z0-9]+)", re.MULTILINE)

SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
DATA_KINDS = frozenset(
    {
        ("kafka.strimzi.io", "Kafka"),
        ("kafka.strimzi.io", "KafkaNodePool"),
        ("kafka.strimzi.io", "KafkaTopic"),
        ("", "PersistentVolumeClaim"),
        ("objectbucket.io", "ObjectBucketClaim"),
        ("ceph.rook.io", "CephObjectStore"),
        ("ceph.rook.io", "CephCluster"),
        ("ceph.rook.io", "CephBlockPool"),
        ("ceph.rook.io", "CephFilesystem"),
        ("ocs.openshift.io", "StorageCluster"),
        ("postgresql.cnpg.io", "Cluster"),
        ("", "Namespace"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)
CONFIRM = ("Prune=confirm", "Delete=confirm")


@dataclass(frozen=True)
class SkeletonObject:
    """One Kubernetes object whose leaves are still open.

    `tree` is plain data with `Leaf` objects at the leaves, `template` the file it came from and `lines` the
    template line of each key path.
    """

    api_version: str
    kind: str
    name: str
    namespace: str
    tree: dict[str, Any]
    template: str
    lines: dict[KeyPath, int] = field(compare=False, repr=False)

    @property
    def group(self) -> str:
        """The API group, "" for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def holds_data(self) -> bool:
        """Whether deleting it loses data."""
        return (self.group, self.kind) in DATA_KINDS

    def line_of(self, path: KeyPath) -> int:
        """The template line of `path`, or of the deepest part of it that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def hydrate(self, values: dict[str, Any], namespace: str) -> dict[str, Any]:
        """The object that Helm makes of it with `values` in the release namespace `namespace`."""
        hydrated: dict[str, Any] = _hydrate(self.tree, values, namespace)
        return hydrated

    def helm_template(self, header: str) -> str:
        """The text of a Helm template without any `if`, which prints this object."""
        actions: list[Leaf] = []
        text = dump(_for_helm(self.tree, actions), header=header).replace(_BRACES, '{{ "{{" }}')
        return "\n".join(_with_actions(line, actions) for line in text.split("\n"))


def build_objects(shown: str, template: str, marked: str, leaves: list[Leaf]) -> list[SkeletonObject]:
    """The objects in `marked`, the text that Jinja made of `template`.

    Args:
        shown: the template's path for findings.
        template: the template's file name.
        marked: text with line marks and leaf tokens.
        leaves: the leaves that the tokens number.

    Raises:
        ChartSourceError: not YAML, no object, a leaf where none can stand.
    """
    text, origin = _without_marks(marked)
    try:
        documents = parse_stream(shown, text)
    except InputError as error:
        raise ChartSourceError([_relocated(finding, origin) for finding in error.findings]) from error
    return [
        _Builder(shown, template, origin, leaves, document).build()
        for document in documents
        if document.data is not None
    ]


def file_name(kind: str, name: str) -> str:
    """`<kind>-<name>.yaml`; characters that a file name should not have (as in RBAC names) become '-'."""
    return f"{kind.lower()}-{re.sub('[^A-Za-z0-9._-]', '-', name)}.yaml"


class _Builder:
    def __init__(self, shown: str, template: str, origin: list[int], leaves: list[Leaf], document: Document) -> None:
        self.shown = shown
        self.template = template
        self.origin = origin
        self.leaves = leaves
        self.document = document
        self.lines: dict[KeyPath, int] = {}

    def build(self) -> SkeletonObject:
        root = self.document.root
        assert root is not None
        tree = self._tree(root, self.document.data, ())
        if not isinstance(tree, dict):
            raise self._error(root, (), "a template makes Kubernetes objects; this is none")
        metadata = tree.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        identity = []
        for what, value in (
            ("apiVersion", tree.get("apiVersion")),
            ("kind", tree.get("kind")),
            ("metadata.name", metadata.get("name")),
            ("metadata.namespace", metadata.get("namespace", "")),
        ):
            if not isinstance(value, str) or (not value and what != "metadata.namespace"):
                why = "must be structural, not a leaf" if isinstance(value, Leaf) else "is missing"
                raise self._error(root, (), f"{what} {why}: files and references depend on it")
            identity.append(value)
        api_version, kind, name, namespace = identity
        found = SkeletonObject(api_version, kind, name, namespace, tree, self.template, self.lines)
        return found if not found.holds_data else self._protected(found, metadata)

    def _protected(self, found: SkeletonObject, metadata: dict[str, Any]) -> SkeletonObject:
        """`found` with the sync options that make Argo CD ask before it deletes data."""
        annotations = dict(metadata.get("annotations") or {})
        given = annotations.get(SYNC_OPTIONS, "")
        words = [word for word in str(given).split(",") if word]
        kept = [word for word in words if word.partition("=")[0] not in ("Prune", "Delete")]
        annotations[SYNC_OPTIONS] = ",".join((*kept, *CONFIRM))
        tree = {**found.tree, "metadata": {**metadata, "annotations": annotations}}
        return SkeletonObject(
            found.api_version, found.kind, found.name, found.namespace, tree, found.template, found.lines
        )

    def _tree(self, node: yaml.Node, data: Any, path: KeyPath) -> Any:
        self.lines.setdefault(path, self._line(node))
        if isinstance(data, dict):
            result = {}
            for key, item in data.items():
                if LEAF_OPEN in key:
                    raise self._error(node, path, "a key cannot be a leaf; read it structurally")
                inner = (*path, key)
                place = self.document.place(inner)
                self.lines[inner] = self._origin(place.line)
                result[key] = self._tree(_child(node, key), item, inner)
            return result
        if isinstance(data, list):
            return [self._tree(_child(node, i), item, (*path, i)) for i, item in enumerate(data)]
        if isinstance(data, str) and LEAF_OPEN in data:
            return self._leaf(node, data, path)
        return data

    def _leaf(self, node: yaml.Node, data: str, path: KeyPath) -> Leaf | str:
        style = getattr(node, "style", "")
        whole = _TOKEN.fullmatch(data)
        if whole and not style:
            return self.leaves[int(whole[1])]
        if style == "'":
            raise self._error(node, path, "a leaf inside single quotes; use double quotes")
        if not style and not whole:
            raise self._error(node, path, "a leaf beside other text; write the whole string with text()")
        parts: list[str | Reference] = []
        for index, piece in enumerate(_TOKEN.split(data)):
            if index % 2 == 0:
                if piece:
                    parts.append(piece)
                continue
            leaf = self.leaves[int(piece)]
            if any(part.kind in ("object", "array") for part in leaf.references):
                raise self._error(node, path, "a map or list inside a string")
            parts += leaf.parts
        return Leaf(tuple(_joined(parts)))

    def _line(self, node: yaml.Node) -> int:
        return self._origin(node.start_mark.line + 1)

    def _origin(self, line: int) -> int:
        return self.origin[line - 1] if 0 < line <= len(self.origin) else 0

    def _error(self, node: yaml.Node, path: KeyPath, message: str) -> ChartSourceError:
        place = Place(self.shown, self._line(node), 1)
        return ChartSourceError([Finding("chart-source", message, place, dotted(path))])


def _child(node: yaml.Node, key: str | int) -> yaml.Node:
    """The value node of `key`; the node itself where a merge key or a converted key hides it."""
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int):
        child: yaml.Node = node.value[key]
        return child
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if key_node.value == key:
                return value_node  # type: ignore[no-any-return]
    return node


def _joined(parts: list[str | Reference]) -> list[str | Reference]:
    result: list[str | Reference] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        else:
            result.append(part)
    return result


def _without_marks(marked: str) -> tuple[str, list[int]]:
    """The text without its marks, and the template line of each of its lines."""
    lines, origin, last = [], [], 0
    for line in marked.split("\n"):
        marks = _MARK.findall(line)
        last = int(marks[0]) if marks else last
        lines.append(_MARK.sub("", line))
        origin.append(last)
    return "\n".join(lines), origin


def _relocated(finding: Finding, origin: list[int]) -> Finding:
    line = finding.place.line
    template_line = origin[line - 1] if 0 < line <= len(origin) else 0
    place = Place(finding.place.file, template_line, 1)
    return Finding("chart-source", f"the template's output is {finding.message}", place, finding.key, finding.cure)


def _hydrate(node: Any, values: dict[str, Any], namespace: str) -> Any:
    if isinstance(node, dict):
        return {key: _hydrate(item, values, namespace) for key, item in node.items()}
    if isinstance(node, list):
        return [_hydrate(item, values, namespace) for item in node]
    if isinstance(node, Leaf):
        return _resolve_lines(node, values, namespace)
    return node


def _resolve_lines(leaf: Leaf, values: dict[str, Any], namespace: str) -> Any:
    """As `Leaf.resolve`; in strings of several lines a value's further lines keep the line's indentation."""
    if leaf.whole or not _has_lines(leaf):
        return leaf.resolve(values, namespace)
    out = ""
    for part in leaf.parts:
        if isinstance(part, str):
            out += part
        else:
            out += as_text(part.resolve(values, namespace)).replace("\n", "\n" + _indentation(out))
    return out


def _has_lines(leaf: Leaf) -> bool:
    return any(isinstance(part, str) and "\n" in part for part in leaf.parts)


def _indentation(text: str) -> str:
    line = text.rpartition("\n")[2]
    return line[: len(line) - len(line.lstrip(" "))]


def _for_helm(node: Any, actions: list[Leaf]) -> Any:
    """The tree with actions for leaves; blocks keep tokens until their indentation is known."""
    if isinstance(node, dict):
        return {key.replace("{{", _BRACES): _for_helm(item, actions) for key, item in node.items()}
    if isinstance(node, list):
        return [_for_helm(item, actions) for item in node]
    if isinstance(node, str):
        return node.replace("{{", _BRACES)
    if not isinstance(node, Leaf):
        return node
    if not _has_lines(node):
        return Raw(node.action())
    if _reads_well_as_block(node):
        text = ""
        for part in node.parts:
            if isinstance(part, str):
                text += part.replace("{{", _BRACES)
            else:
                actions.append(Leaf((part,)))
                text += f"{LEAF_OPEN}{len(actions) - 1}{LEAF_CLOSE}"
        return text
    return Raw(_indented_printf(node))


def _reads_well_as_block(leaf: Leaf) -> bool:
    """Whether a literal block keeps the string for every value of its references."""
    first, last = leaf.parts[0], leaf.parts[-1]
    if not isinstance(first, str) or not isinstance(last, str):
        return False
    whole = "".join(part if isinstance(part, str) else "x" for part in leaf.parts)
    return (
        first[0] not in " \n"
        and last.endswith("\n")
        and bool(last.strip())
        and not last.endswith("\n\n")
        and last.rstrip("\n").rpartition("\n")[2].strip() != ""
        and "\t" not in whole
        and not any(line.endswith(" ") for line in whole.split("\n"))
        and not any(before.endswith("{") for before in leaf.parts if isinstance(before, str))
    )


def _indented_printf(leaf: Leaf) -> str:
    """A leaf of several lines as one double-quoted string, with the indentation of `_resolve_lines`."""
    words, arguments, before = [], [], ""
    for part in leaf.parts:
        if isinstance(part, str):
            words.append(part.replace("%", "%%"))
            before += part
            continue
        words.append("%s")
        text = Leaf((part,)).inline_action(_indentation(before)).removeprefix("{{ ").removesuffix(" }}")
        arguments.append(f"({text} | toString)")
        before += "x"
    return "{{ " + " ".join(["printf", double_quoted("".join(words)), *arguments]) + " | quote }}"


def _with_actions(line: str, actions: list[Leaf]) -> str:
    if LEAF_OPEN not in line:
        return line
    indent = _indentation(line)
    return _TOKEN.sub(lambda match: actions[int(match[1])].inline_action(indent), line)


def kind_in(text: str) -> str:
    """The kind of a manifest that medpattern wrote, without parsing it."""
    match = _KIND_LINE.search(text)
    return match[1] if match else ""
