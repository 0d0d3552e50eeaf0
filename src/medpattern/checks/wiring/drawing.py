"""A picture of the wiring as a tree of text, or as Mermaid."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.wiring.picture import (
    GIVEN,
    HERE,
    MISSING,
    OUTSIDE,
    UNSEEN,
    Edge,
    Node,
    Picture,
    beginnings,
    chain_of,
)

MARKS = {MISSING: "missing", UNSEEN: "unseen", GIVEN: "given", OUTSIDE: "outside"}


def text(picture: Picture) -> str:
    """The chain of an image as a tree, and below it each application with what its objects refer to."""
    lines = [picture.cluster, ""]
    chain = chain_of(picture)
    if chain:
        lines += ["the way of an image", ""]
        told: set[str] = set()
        for name in beginnings(chain):
            lines += _walk(picture, chain, name, told)
        lines.append("")
    for app, wave in picture.apps:
        own = [node for node in picture.nodes.values() if node.app == app]
        if app and own:
            lines += [f"{app} (wave {wave})", *_application(picture, own), ""]
    lines += [str(finding) for finding in picture.findings]
    return "\n".join(lines).rstrip("\n")


def _walk(
    picture: Picture, chain: dict[str, list[tuple[str, str]]], name: str, told: set[str], role: str = "", depth: int = 0
) -> Iterator[str]:
    """A node, and below it where an image goes from there; what has been told is only named."""
    again = " (see above)" if name in told and chain.get(name) else ""
    lead = "  " * (depth + 1)
    yield f"{lead}{f'{role}: ' if role else ''}{_named(picture.nodes[name])}{again}"
    if name in told:
        return
    told.add(name)
    for way, target in chain.get(name, ()):
        yield from _walk(picture, chain, target, told, way, depth + 1)


def _application(picture: Picture, own: list[Node]) -> Iterator[str]:
    for node in own:
        edges = [edge for edge in picture.edges if edge.source == node.id]
        if edges:
            yield f"  {_named(node)}"
            for role, target in dict.fromkeys((edge.role, edge.target) for edge in edges):
                other = picture.nodes[target]
                where = f" [{other.app}]" if other.app and other.app != node.app else ""
                yield f"    {role} {_named(other)}{where}"


def _named(node: Node) -> str:
    space = f" in {node.namespace}" if node.namespace else ""
    mark = f" ({MARKS[node.state]})" if node.state in MARKS else ""
    return f"{node.short}{space}{mark}"


# ---- Mermaid ---------------------------------------------------------------------------------------------------

_STYLES = {
    MISSING: "fill:#fde0dc,stroke:#b71c1c,color:#000",
    UNSEEN: "fill:#f5f5f5,stroke:#757575,stroke-dasharray:4,color:#000",
    GIVEN: "fill:#f5f5f5,stroke:#757575,color:#000",
    OUTSIDE: "fill:#e3f2fd,stroke:#1565c0,color:#000",
}


def mermaid(pictures: list[Picture]) -> str:
    """Pictures as one flowchart, each application a subgraph; https://mermaid.js.org/syntax/flowchart.html."""
    lines = ["flowchart LR"]
    for state, style in _STYLES.items():
        lines.append(f"  classDef {state} {style}")
    for number, picture in enumerate(pictures):
        names = {key: f"c{number}n{index}" for index, key in enumerate(picture.nodes)}
        lines += _subgraphs(picture, names, number)
        for edge in _merged(picture.edges):
            lines.append(f'  {names[edge.source]} -->|"{_escaped(edge.role)}"| {names[edge.target]}')
    return "\n".join(lines)


def _subgraphs(picture: Picture, names: dict[str, str], number: int) -> Iterator[str]:
    yield f'  subgraph c{number}["{_escaped(picture.cluster)}"]'
    for index, (app, _) in enumerate(picture.apps):
        lead = "    "
        if app:
            yield f'    subgraph c{number}a{index}["{_escaped(app)}"]'
            lead = "      "
        for node in picture.nodes.values():
            if node.app == app:
                state = "" if node.state == HERE else f":::{node.state}"
                kind = node.kind.rpartition("/")[2]
                yield f'{lead}{names[node.id]}["{_escaped(kind)}<br/>{_escaped(node.name)}"]{state}'
        if app:
            yield "    end"
    yield "  end"


def _merged(edges: tuple[Edge, ...]) -> list[Edge]:
    """One edge for each pair of nodes and role."""
    return list({(edge.source, edge.target, edge.role): edge for edge in edges}.values())


def _escaped(word: str) -> str:
    """Text inside quotes, by Mermaid's entity codes."""
    return word.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
