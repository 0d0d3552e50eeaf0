"""NetworkPolicies: whether they let a flow through, as the API says (networking.k8s.io/v1)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from medpattern.checks.manifests import Manifest
from medpattern.checks.wiring.breaches import Wrong
from medpattern.checks.wiring.ends import End, Flow
from medpattern.checks.wiring.flows import needed_flows
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.tables import POD
from medpattern.checks.wiring.things import Selector, kind_name, read_labels, read_selector
from medpattern.findings import KeyPath, Severity

NAME = "kubernetes.io/metadata.name"
# Lines of a host and its addresses, on a policy; the chart network writes them.
ADDRESSES = "medpattern.io/addresses"
_EVERYONE = Selector(())

Block = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: whom it is for, and its rules; None for a direction that it says nothing of."""

    manifest: Manifest
    path: KeyPath
    namespace: str
    selector: Selector
    ingress: list[Any] | None
    egress: list[Any] | None

    def rules(self, direction: str) -> list[Any] | None:
        """Its rules of a direction, "ingress" or "egress"."""
        return self.ingress if direction == "ingress" else self.egress


def blocked(graph: Graph) -> Iterator[Wrong]:
    """Needed flows that the policies of a cluster do not let through."""
    network = Network(graph)
    if not network.policies:
        return
    for flow in needed_flows(graph):
        for direction, inner in (("egress", flow.source), ("ingress", flow.target)):
            judges = network.judging(inner, direction)
            if judges and not any(network.lets_through(policy, flow, direction) for policy in judges):
                yield _wrong(flow, direction, judges)


def cut_off(graph: Graph) -> Iterator[Wrong]:
    """Namespaces that nothing may leave, with pods of charts that medpattern cannot look into."""
    hidden: dict[str, list[str]] = {}
    for app, unseen in sorted(graph.inventory.unseen.items()):
        kinds = {kind_name(group, kind) for group, kind in unseen.kinds}
        if any(POD in graph.tables.made_by(kind) for kind in kinds):
            hidden.setdefault(unseen.namespace, []).append(app)
    for policy in _policies(graph):
        apps = hidden.get(policy.namespace)
        if apps and policy.egress == [] and not policy.selector.weight:
            message = (
                f"closes {policy.namespace}, where {', '.join(apps)} may start pods that medpattern cannot look into"
            )
            cure = "write policies for what these pods need, or move the application to a namespace of its own"
            yield Wrong("unseen-pods", policy.manifest, ("spec",), message, cure, Severity.WARNING)


def _wrong(flow: Flow, direction: str, judges: list[Policy]) -> Wrong:
    # The one that says most of the pods is where the rule belongs; the default deny says nothing of them.
    policy = max(
        judges, key=lambda item: (len(item.selector.labels) + len(item.selector.expressions), item.manifest.name)
    )
    port = f"{flow.protocol} {flow.port}"
    user = f"{flow.manifest.kind}/{flow.manifest.name} " if flow.manifest else ""
    names = ", ".join(sorted({judge.manifest.name for judge in judges}))
    reason = f"{user}{flow.reason}" if flow.reason not in (flow.target.name, flow.source.name) else ""
    needed = f" ({reason})" if reason else ""
    message = f"{flow.source} may not reach {flow.target} at {port}{needed}; judged by {names}"
    cure = f"let it through under {direction}, or turn the application 'network' on, which writes these rules"
    if flow.target.host:
        cure += f"; it needs the addresses of {flow.target.host} under its 'hosts'"
    return Wrong("blocked-flow", policy.manifest, policy.path or ("spec", direction), message, cure)


class Network:
    """The policies of a cluster, and the labels of its namespaces."""

    def __init__(self, graph: Graph) -> None:
        self.policies = list(_policies(graph))
        self._labels = {
            found.name: {**found.labels(), NAME: found.name} for found in graph.inventory.of_kind("", "Namespace")
        }
        self._addresses = _addresses(graph)

    def judging(self, pods: End, direction: str) -> list[Policy]:
        """The policies that decide about a direction of some pods; none where everything is let through."""
        if pods.labels is None or not pods.namespace or pods.pod is None:
            return []
        return [
            policy
            for policy in self.policies
            if policy.namespace == pods.namespace
            and policy.rules(direction) is not None
            and policy.selector.matches(pods.labels)
        ]

    def lets_through(self, policy: Policy, flow: Flow, direction: str) -> bool:
        """Whether a rule of a policy matches a flow."""
        outer = flow.target if direction == "egress" else flow.source
        word = "to" if direction == "egress" else "from"
        return any(
            isinstance(rule, dict)
            and _port_matches(rule.get("ports"), flow)
            and self._peers_match(rule.get(word), policy.namespace, outer)
            for rule in policy.rules(direction) or ()
        )

    def _peers_match(self, peers: Any, namespace: str, end: End) -> bool:
        if not isinstance(peers, list) or not peers:
            return True
        return any(isinstance(peer, dict) and self._peer_matches(peer, namespace, end) for peer in peers)

    def _peer_matches(self, peer: dict[str, Any], namespace: str, end: End) -> bool:
        block = peer.get("ipBlock")
        if isinstance(block, dict):
            return _block_matches(block, end, self._addresses.get(end.host, ()))
        if end.host:
            return False
        spaces, pods = read_selector(peer.get("namespaceSelector")), read_selector(peer.get("podSelector"))
        if spaces is None:
            if end.namespace != namespace:
                return False
        elif not self._namespace_matches(spaces, end):
            return False
        # Of pods that are not known any selector may be right.
        return pods is None or end.labels is None or pods.matches(dict(end.labels))

    def _namespace_matches(self, selector: Selector, end: End) -> bool:
        if not end.namespace:
            return bool(end.namespace_labels) and selector.matches(dict(end.namespace_labels))
        known = self._labels.get(end.namespace)
        if known is not None:
            return selector.matches(known)
        # Of a namespace of the platform only the name is known.
        named = [(key, value) for key, value in selector.labels if key == NAME]
        return all(value == end.namespace for _, value in named)


def _policies(graph: Graph) -> Iterator[Policy]:
    for manifest in graph.inventory.of_kind("networking.k8s.io", "NetworkPolicy"):
        spec = manifest.data.get("spec")
        if isinstance(spec, dict):
            yield _read(manifest, spec)
    for made in graph.policies:
        assert made.maker is not None
        rule: dict[str, Any] = {"ports": [{"port": port.number} for port in made.ports]}
        if made.ingress is not None:
            rule["from"] = made.ingress
        path = (*made.path, "networkPolicyPeers") if made.ingress is not None else made.path
        selector = Selector(read_labels(made.selector))
        yield Policy(made.maker, path or ("spec",), made.thing.namespace, selector, [rule], None)


def _read(manifest: Manifest, spec: dict[str, Any]) -> Policy:
    types = spec.get("policyTypes")
    ingress, egress = _list(spec.get("ingress")), _list(spec.get("egress"))
    if not isinstance(types, list):
        # Without types a policy is about ingress, and about egress if it has such rules.
        types = ["Ingress", *(["Egress"] if egress else [])]
    return Policy(
        manifest,
        (),
        manifest.namespace,
        read_selector(spec.get("podSelector")) or _EVERYONE,
        ingress if "Ingress" in types else None,
        egress if "Egress" in types else None,
    )


def _list(data: Any) -> list[Any]:
    return data if isinstance(data, list) else []


def _port_matches(ports: Any, flow: Flow) -> bool:
    if not isinstance(ports, list) or not ports:
        return True
    return any(isinstance(port, dict) and _one_port_matches(port, flow) for port in ports)


def _one_port_matches(item: dict[str, Any], flow: Flow) -> bool:
    if item.get("protocol", "TCP") != flow.protocol:
        return False
    port, end = item.get("port"), item.get("endPort")
    if port is None:
        return True
    if isinstance(port, str):
        pod = flow.target.pod
        return pod is None or any(known.name == port and known.number == flow.port for known in pod.ports)
    return port <= flow.port <= end if isinstance(port, int) and isinstance(end, int) else bool(port == flow.port)


def _addresses(graph: Graph) -> dict[str, tuple[Block, ...]]:
    """The addresses of hosts outside, as far as policies say them."""
    found: dict[str, tuple[Block, ...]] = {}
    for manifest in graph.inventory.of_kind("networking.k8s.io", "NetworkPolicy"):
        annotations = manifest.metadata.get("annotations")
        text = annotations.get(ADDRESSES) if isinstance(annotations, dict) else None
        for host, *words in (line.split() for line in (text.splitlines() if isinstance(text, str) else ()) if line):
            found[host] = tuple(filter(None, map(_block, words)))
    return found


def _block(text: str) -> Block | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _block_matches(block: dict[str, Any], end: End, known: tuple[Block, ...]) -> bool:
    """Whether a block has an address. Of a host whose addresses nobody says any block may be the right one."""
    network = _block(str(block.get("cidr", "")))
    if network is None or not end.host:
        return False
    own = _block(end.host)
    addresses = (own,) if own else known
    return not addresses or any(_covers(network, address) for address in addresses)


def _covers(network: Block, address: Block) -> bool:
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(address, ipaddress.IPv4Network) and address.subnet_of(network)
    return isinstance(address, ipaddress.IPv6Network) and address.subnet_of(network)
