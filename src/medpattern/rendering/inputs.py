"""Which inputs a cluster was rendered from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from medpattern.charts.source import ChartSource
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.fleet import Fleet
from medpattern.fleet.layers import Layers, base_files
from medpattern.fleet.places import join
from medpattern.rendering.settled import SPOKES, Spokes


def cluster_inputs(
    fleet: Fleet,
    cluster: Cluster,
    extra: Iterable[Layers],
    sources: Mapping[str, ChartSource | None],
    spokes: Spokes,
) -> dict[str, str]:
    """sha256 of every input of `cluster` by name.

    Values files that were looked for in vain have "", a chart has a final "/", and `(spokes)` stands for
    what `Spokes` reads.
    """
    asked = fleet.repository.files
    facts = cluster.facts
    files = {join(fleet.values_folder, name) for _, name in base_files(facts)}
    files |= {layer.document.file for layers in (cluster.layers, *extra) for layer in layers}
    files |= {known.document.file for known in (facts, cluster.hub) if known and known.document}
    inputs = {file: asked[file] for file in files}
    inputs |= {f"{app.path}/": source.digest for app in cluster.applications if (source := sources.get(app.name))}
    return inputs | {SPOKES: spokes.digest(cluster.name)}
