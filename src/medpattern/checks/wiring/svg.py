"""A picture of the wiring as SVG: applications as boxes, in columns by sync wave, with lines between their objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from medpattern.checks.wiring.picture import GIVEN, HERE, MISSING, OUTSIDE, UNSEEN, Edge, Node, Picture

# Pixels.
ROW, HEAD, GAP, MARGIN, BETWEEN, LETTER, PADDING = 17, 26, 22, 20, 130, 6.6, 14
ROOT, SITE = "applied by the root", "platform, site and outside"
_STATES = {MISSING: "missing", UNSEEN: "unseen", GIVEN: "given", OUTSIDE: "outside"}
_STYLE = """
text { font: 11px ui-sans-serif, system-ui, sans-serif; fill: #1a1a1a }
.title { font-size: 15px; font-weight: 600 }
.app { font-weight: 600 }
.kind { fill: #5f6368 }
.box { fill: #ffffff; stroke: #9aa0a6 }
.paper { fill: #f8f9fa }
.node:hover { fill: #0b57d0; font-weight: 600 }
.missing { fill: #b3261e; font-weight: 600 }
.unseen, .given { fill: #5f6368; font-style: italic }
.outside { fill: #0b57d0 }
path { fill: none; stroke: #80868b; stroke-width: 1; opacity: .45 }
path:hover { stroke: #0b57d0; stroke-width: 2.5; opacity: 1 }
path.chain { stroke: #0b57d0; stroke-width: 2; opacity: .9 }
path.broken { stroke: #b3261e; stroke-width: 2; opacity: 1 }
@media (prefers-color-scheme: dark) {
  text { fill: #e8eaed } .kind, .unseen, .given { fill: #9aa0a6 } .paper { fill: #202124 }
  .box { fill: #292a2d; stroke: #5f6368 } .missing { fill: #f2b8b5 } .outside, .node:hover { fill: #a8c7fa }
  path { stroke: #9aa0a6 } path.chain, path:hover { stroke: #a8c7fa } path.broken { stroke: #f2b8b5 }
}
"""


@dataclass(frozen=True, slots=True)
class Box:
    """An application, or another group of nodes: its upper left corner, its width, and its nodes from top to bottom."""

    app: str
    x: float
    y: float
    width: float
    nodes: tuple[Node, ...]

    @property
    def height(self) -> float:
        """Of the whole box."""
        return HEAD + ROW * len(self.nodes) + PADDING / 2


def svg(picture: Picture) -> str:
    """One picture as a document of its own; the same picture gives the same bytes."""
    boxes = _boxes(picture)
    width = max((box.x + box.width for box in boxes), default=200) + MARGIN
    height = max((box.y + box.height for box in boxes), default=60) + MARGIN
    words = f"wiring of {picture.cluster}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label={quoteattr(words)}>',
        f"<title>{escape(words)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
        f'<text class="title" x="{MARGIN}" y="{MARGIN + 8}">{escape(picture.cluster)}</text>',
    ]
    spots = {node.id: (box, box.y + HEAD + ROW * row + ROW / 2) for box in boxes for row, node in enumerate(box.nodes)}
    # Boxes lie above the lines, so that a line never crosses a word.
    lines += [_line(picture, edge, spots) for edge in _drawn(picture)]
    for box in boxes:
        lines += [_frame(box), *_texts(box)]
    return "\n".join([*lines, "</svg>"])


def _boxes(picture: Picture) -> list[Box]:
    """A column for each wave, and a last one for what no application makes."""
    members = _members(picture)
    waves = dict(picture.apps)
    last = max((wave for app, wave in picture.apps if app), default=0) + 1
    columns: dict[int, list[str]] = {}
    for name in members:
        columns.setdefault(waves[name] if name not in (ROOT, SITE) else last, []).append(name)
    boxes: list[Box] = []
    x = float(MARGIN)
    for wave in sorted(columns):
        width = max((_width(node) for name in columns[wave] for node in members[name]), default=80.0)
        y = 2.5 * MARGIN
        for name in columns[wave]:
            box = Box(name, x, y, width, members[name])
            boxes.append(box)
            y += box.height + GAP
        x += width + BETWEEN
    return boxes


def _members(picture: Picture) -> dict[str, tuple[Node, ...]]:
    """The nodes of each box, those on the way of an image first."""
    chained = {end for edge in picture.edges if edge.chain for end in (edge.source, edge.target)}
    found: dict[str, list[Node]] = {app: [] for app, _ in picture.apps if app}
    for node in picture.nodes.values():
        name = node.app or (ROOT if node.state == HERE else SITE)
        found.setdefault(name, []).append(node)
    return {
        name: tuple(sorted(nodes, key=lambda node: (node.id not in chained, node))) for name, nodes in found.items()
    }


def _width(node: Node) -> float:
    return LETTER * (len(node.short) + 1) + 2 * PADDING


def _frame(box: Box) -> str:
    shape = f'x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{box.height:.0f}"'
    return f'<rect class="box" rx="6" {shape}/>'


def _texts(box: Box) -> Iterator[str]:
    x = box.x + PADDING
    yield f'<text class="app" x="{x:.0f}" y="{box.y + 17:.0f}">{escape(box.app)}</text>'
    for row, node in enumerate(box.nodes):
        y = box.y + HEAD + ROW * row + ROW / 2 + 4
        kind = node.kind.rpartition("/")[2]
        state = _STATES.get(node.state, "")
        told = ", ".join(filter(None, (node.id, state)))
        classes = f"node {state}".strip()
        yield (
            f'<text class="{classes}" x="{x:.0f}" y="{y:.0f}"><title>{escape(told)}</title>'
            f'<tspan class="kind">{escape(kind)}</tspan> {escape(node.name)}</text>'
        )


def _drawn(picture: Picture) -> list[Edge]:
    """One edge for each pair of nodes, the plain ones first, so that the others lie above them."""
    merged: dict[tuple[str, str], Edge] = {}
    for edge in picture.edges:
        kept = merged.get((edge.source, edge.target))
        if kept is None or (edge.chain and not kept.chain):
            merged[edge.source, edge.target] = edge
    return sorted(merged.values(), key=lambda edge: (bool(edge.chain), _is_broken(picture, edge), edge))


def _is_broken(picture: Picture, edge: Edge) -> bool:
    return picture.nodes[edge.target].state == MISSING


def _line(picture: Picture, edge: Edge, spots: dict[str, tuple[Box, float]]) -> str:
    """A curve between two boxes, or beside one; with the role as its tooltip."""
    (near, y1), (far, y2) = spots[edge.source], spots[edge.target]
    if near.x == far.x:
        # In one column: a bow on its right side, the wider the farther.
        x = near.x + max(near.width, far.width)
        bow = x + min(24 + abs(y2 - y1) / 6, BETWEEN - 20)
        x1, x2 = near.x + near.width, far.x + far.width
        path = f"M{x1:.0f} {y1:.1f} C{bow:.0f} {y1:.1f} {bow:.0f} {y2:.1f} {x2:.0f} {y2:.1f}"
    else:
        forth = near.x < far.x
        x1, x2 = (near.x + near.width, far.x) if forth else (near.x, far.x + far.width)
        middle = (x1 + x2) / 2
        path = f"M{x1:.0f} {y1:.1f} C{middle:.0f} {y1:.1f} {middle:.0f} {y2:.1f} {x2:.0f} {y2:.1f}"
    look = "broken" if _is_broken(picture, edge) else "chain" if edge.chain else ""
    told = f"{picture.nodes[edge.source].short} {edge.role} {picture.nodes[edge.target].short}"
    return f'<path{f" class={quoteattr(look)}" if look else ""} d="{path}"><title>{escape(told)}</title></path>'
