"""What people and attackers put into a bucket: each ends with its reason, and the service goes on."""

from __future__ import annotations

import resource

import pytest

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.service.handling import Ending, Handler
from tests.pipeline.images.corpus import BadImage, corpus
from tests.pipeline.service.conftest import MemoryEdges, delivery, film

HOSTILE_KEYS = [
    "../../etc/passwd",
    "DOE^JANE 1972-03-04.png",
    "a\x00b",
    "'; DROP TABLE results; --",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
    'naïve röntgen + 100% ü✓ "q".png',
    "\r\nX-Injected: yes",
    "x" * 1024,
    "{result_id} %s %(key)s",
    "\u202egnp.txt",
]


@pytest.mark.parametrize("bad", corpus(), ids=lambda bad: bad.name)
def test_a_bad_file_has_its_reason_and_the_next_film_its_result(
    bad: BadImage, handler: Handler, edges: MemoryEdges
) -> None:
    with pytest.raises(Unprocessable) as refused:
        handler.handle(edges.store.keep(bad.name, bad.data), delivery())
    assert refused.value.reason == bad.reason
    assert edges.events == []
    assert handler.handle(edges.store.keep("good", film(1).data), delivery()) is Ending.SCORED


def test_the_corpus_leaves_memory_bounded(handler: Handler, edges: MemoryEdges) -> None:
    for bad in corpus():
        with pytest.raises(Unprocessable):
            handler.handle(edges.store.keep(bad.name, bad.data), delivery())
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert peak_kib < 1_500_000, "the limits of docs/images.md allow 520 MiB above the process"


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=range(len(HOSTILE_KEYS)))
def test_a_hostile_key_is_a_key_like_any_other_and_shows_nowhere(
    key: str, handler: Handler, edges: MemoryEdges
) -> None:
    stored = edges.store.keep(key, film(1).data, {"patient-name": "DOE^JANE", "simulated": "0" * 64})
    assert handler.handle(stored, delivery()) is Ending.SCORED
    said = edges.events[0].data + str(edges.events[0].headers()).encode()
    said += b"".join(written.encode() + data for _, written, data in edges.store.writes)
    assert key.encode("utf-8", "surrogatepass") not in said
    assert b"DOE" not in said
