"""Addresses, and which of them are Services."""

from __future__ import annotations

import pytest

from medpattern.checks.wiring.addresses import parse_address, service_of


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("https://rgw.rook-ceph.svc", ("rgw.rook-ceph.svc", 443)),
        ("http://grafana:3000/login?next=a@b", ("grafana", 3000)),
        ("kafka.kafka.svc:9093", ("kafka.kafka.svc", 9093)),
        ("kafka://user:word@kafka.kafka.svc:9093", ("kafka.kafka.svc", 9093)),
        ("postgresql+psycopg://u:{{ .password | urlquery }}@db-rw.database.svc/results", ("db-rw.database.svc", 5432)),
        ("MAIL.example.org.", ("mail.example.org", 25)),
        ("http://[2001:db8::1]:80/", ("2001:db8::1", 80)),
        ("{{ .host }}", None),
        ("/etc/passwd", None),
        ("", None),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, wanted: tuple[str, int] | None) -> None:
    assert parse_address(text, 25) == wanted


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("kafka.broker.svc", ("kafka", "broker")),
        ("kafka.broker.svc.cluster.local", ("kafka", "broker")),
        ("kafka-0.kafka.broker.svc", ("kafka", "broker")),
        ("kafka", ("kafka", "ward")),
        ("kafka.broker", ("kafka", "broker")),
        ("kafka.example", None),
        ("kafka.example.org", None),
        ("192.0.2.1", None),
        ("2001:db8::1", None),
        ("localhost", None),
    ],
)
def test_names_of_the_cluster_are_services(host: str, wanted: tuple[str, str] | None) -> None:
    assert service_of(host, "ward", {"ward", "broker"}) == wanted
