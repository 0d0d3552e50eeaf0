"""Images, credentials and results that would travel in plain text, or to a server that nobody verifies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from medpattern.checks.manifests import NOTHING_SHARED, Manifest, Shared
from medpattern.checks.policy.reading import Text, deepest, is_true, items_at, map_at, remembered, sequence, texts, word
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import KeyPath

# Names of settings that hold the address of a store, of secrets, or of who says who somebody is.
_ADDRESS = re.compile(
    r"(^|_)(S3|MINIO|BUCKETS?|OBJECT_?STORE|AWS|VAULT|BAO|OIDC|OAUTH2?)(_|$)|^(ENDPOINT|ISSUER)(_URL)?$"
)
_NO_LETTER = re.compile(r"[^A-Z0-9]+")
_POSTGRES = re.compile(r"postgres(?:ql)?(?:\+\w+)?://[^\s\"'<>`]+")
_PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\$\{.*?\}|\$\(.*?\)")
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1", ""})
_SSLMODE = re.compile(r"\bsslmode[\"']?\s*[=:]\s*[\"']?([a-z-]+)")
_KAFKA_PROTOCOL = re.compile(r"security[._]protocol[\"']?\s*[=:]\s*[\"']?(?:SASL_)?PLAINTEXT\b", re.IGNORECASE)
_VERIFIED = "verify-full"
_KAFKA = frozenset({("kafka.strimzi.io", "Kafka")})
_SOURCES = frozenset({("sources.knative.dev", "KafkaSource")})
_TOPICS = frozenset({("ceph.rook.io", "CephBucketTopic")})
_STORES = frozenset({("ceph.rook.io", "CephObjectStore")})
_ENTRANCES = frozenset(
    {
        ("networking.k8s.io", "Ingress"),
        ("route.openshift.io", "Route"),
        ("gateway.networking.k8s.io", "Gateway"),
    }
)
_SECRET_STORES = frozenset({("external-secrets.io", "SecretStore"), ("external-secrets.io", "ClusterSecretStore")})


def plaintext_kafka(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Kafka listeners without TLS."""
    for path, listener in items_at(manifest.data, "spec", "kafka", "listeners"):
        if listener.get("tls") is not True:
            where = (*path, "tls") if "tls" in listener else path
            message = f"listener '{listener.get('name', '')}' has no TLS: passwords and records are readable on the way"
            yield Breach(where, message, "set tls: true")


def plaintext_sources(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """KafkaSources that talk to the brokers without TLS."""
    if map_at(manifest.data, "spec", "net", "tls").get("enable") is not True:
        path = deepest(manifest.data, ("spec", "net", "tls", "enable"))
        yield Breach(path, "reads Kafka without TLS", "set net.tls.enable: true and net.tls.caCert")


def plaintext_topics(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Bucket notifications that leave the object store in plain text, or for a server that it does not verify."""
    base: KeyPath = ("spec", "endpoint")
    for kind, switch in (("kafka", "useSSL"), ("http", ""), ("amqp", "")):
        endpoint = map_at(manifest.data, *base, kind)
        uri = word(endpoint.get("uri"))
        if uri.startswith(("http:", "amqp:")) or (switch and endpoint and endpoint.get(switch) is not True):
            yield Breach((*base, kind), "notifications, and the password, leave in plain text", "use TLS: useSSL: true")
        if endpoint.get("disableVerifySSL") is True:
            message = "the object store does not verify whom it tells"
            yield Breach((*base, kind, "disableVerifySSL"), message, "set it to false, and give the gateway the CA")


def plaintext_stores(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Object gateways with a port without TLS."""
    port = map_at(manifest.data, "spec", "gateway").get("port")
    if port:
        message = f"the gateway listens on port {port} without TLS: images and keys are readable on the way"
        yield Breach(("spec", "gateway", "port"), message, "leave it out, and set securePort and sslCertificateRef")


def plaintext_entrances(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Ingresses, Routes and Gateways that answer over http."""
    spec = map_at(manifest.data, "spec")
    if manifest.kind == "Ingress" and not sequence(spec.get("tls")):
        yield Breach(("spec",), "answers over http", "set tls with the Secret of its certificate")
    if manifest.kind == "Route" and not map_at(spec, "tls").get("termination"):
        yield Breach(("spec",), "answers over http", "set tls.termination, reencrypt where the pod speaks TLS")
    elif manifest.kind == "Route" and map_at(spec, "tls").get("insecureEdgeTerminationPolicy") == "Allow":
        path: KeyPath = ("spec", "tls", "insecureEdgeTerminationPolicy")
        yield Breach(path, "answers over http as well", "set it to Redirect or None")
    if manifest.kind == "Gateway":
        for path, listener in items_at(manifest.data, "spec", "listeners"):
            if listener.get("protocol") == "HTTP":
                yield Breach((*path, "protocol"), "answers over http", "use HTTPS; waive it where it only redirects")


def plaintext_secret_stores(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Secret stores that are asked over http."""
    server = word(map_at(manifest.data, "spec", "provider", "vault").get("server"))
    if server.startswith("http://"):
        message = f"every secret comes from {server} in plain text"
        yield Breach(("spec", "provider", "vault", "server"), message, "use https, with caProvider for its CA")


def weak_databases(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """PostgreSQL addresses that do without TLS, or do not verify whose certificate it is.

    Without `sslmode`, libpq tries TLS and goes on without it if that fails.
    """
    cure = f"set sslmode={_VERIFIED} and sslrootcert"
    for text in texts(manifest):
        for told in _weak_urls(text):
            yield Breach(text.path, f"{told}: results can be read, or come from another server", cure)


def _weak_urls(text: Text) -> Iterator[str]:
    if text.name in ("PGSSLMODE", "sslmode") and text.text and text.text != _VERIFIED:
        yield f"{text.name} is '{text.text}'"
    if "postgres" not in text.text and "sslmode" not in text.text:
        return
    filled = _PLACEHOLDER.sub("x", text.text)
    for match in _POSTGRES.finditer(filled):
        mode = _SSLMODE.search(match[0])
        if _host(match[0]) not in _THIS_MACHINE and (not mode or mode[1] != _VERIFIED):
            yield f"the PostgreSQL URL has sslmode '{mode[1]}'" if mode else "the PostgreSQL URL has no sslmode"
    for mode in _SSLMODE.finditer(_POSTGRES.sub("", filled)):
        if mode[1] in ("disable", "allow", "prefer", "require", "verify-ca"):
            yield f"sslmode is '{mode[1]}'"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return "?"


def plaintext_endpoints(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Settings with an http address of an object store, a secret store or a login; Kafka clients without TLS."""
    for text in texts(manifest):
        told = _plaintext(text.name, text.text)
        if told:
            yield Breach(text.path, *told)


@remembered
def _plaintext(name: str, text: str) -> tuple[str, str] | None:
    """What is wrong with a setting, and the cure."""
    if text.lower().startswith("http://") and _is_address(name, text):
        return f"{name} is an http address: what goes there is readable on the way", "use https"
    if _KAFKA_PROTOCOL.search(text) or _is_plain_kafka(name, text):
        return "a Kafka client without TLS", "use SSL or SASL_SSL"
    return None


def _is_address(name: str, text: str) -> bool:
    is_address = _ADDRESS.search(_NO_LETTER.sub("_", name.upper()))
    return bool(is_address) and _host(text) not in _THIS_MACHINE


def _is_plain_kafka(name: str, text: str) -> bool:
    return name.upper().endswith("SECURITY_PROTOCOL") and text.upper() in ("PLAINTEXT", "SASL_PLAINTEXT")


def unverified_certificates(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Switches that take any certificate for the right one."""
    yield from _unverified(manifest.data, (), manifest.shared)


def _unverified(value: Any, path: KeyPath, shared: Shared) -> Iterator[Breach]:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if id(item) in shared.ids:
            yield from shared.once("unverified", item, partial(_unverified_below, item, (*path, key)))
        elif isinstance(item, dict | list):
            yield from _unverified(item, (*path, key), shared)
        elif key in _SWITCHES and is_true(item):
            message = f"{key}: any certificate is taken for the right one"
            yield Breach((*path, key), message, "trust the CA that signed it instead")


def _unverified_below(item: Any, path: KeyPath) -> list[Breach]:
    return list(_unverified(item, path, NOTHING_SHARED))


_SWITCHES = frozenset({"insecureSkipVerify", "tlsSkipVerify", "insecureSkipTLSVerify", "insecure-skip-tls-verify"})

RULES = (
    Rule("plaintext-listener", plaintext_kafka, _KAFKA),
    Rule("plaintext-listener", plaintext_stores, _STORES),
    Rule("plaintext-listener", plaintext_entrances, _ENTRANCES),
    Rule("plaintext-client", plaintext_sources, _SOURCES),
    Rule("plaintext-client", plaintext_topics, _TOPICS),
    Rule("plaintext-client", plaintext_secret_stores, _SECRET_STORES),
    Rule("plaintext-client", plaintext_endpoints),
    Rule("plaintext-database", weak_databases),
    Rule("unverified-tls", unverified_certificates),
)
