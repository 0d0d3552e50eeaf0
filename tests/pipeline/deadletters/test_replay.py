"""Dead letters go out again until their image has its outcome, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from medpattern.pipeline.clock import now
from medpattern.pipeline.database.accounting import accounts
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.schema import dead_letters, outbox, results, superseded, tombstones
from medpattern.pipeline.deadletters.letters import LetterMaker
from medpattern.pipeline.deadletters.replay import Choice, OpenLetter, Standing, Summary, standing, topic_of
from medpattern.pipeline.deadletters.replaying import replay_letters
from medpattern.pipeline.deadletters.sealing import Seal
from medpattern.pipeline.deadletters.settings import ReplaySettings
from medpattern.pipeline.events.cloudevents import CloudEvent
from medpattern.pipeline.kafka.embedded import EmbeddedBroker
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.settings import KafkaSettings
from tests.pipeline.deadletters.events import MAKER, SEAL, given_up, image, notification, problem, record
from tests.pipeline.kafka.topics import everything_in
from tests.pipeline.samples import KEYS, result_of

LETTERS, IMAGES, BACKFILL = "dead-letters", "images", "backfill"
AT = datetime(2026, 11, 21, 9, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chain:
    """A broker, a database, and what replay needs of them."""

    settings: ReplaySettings
    engine: Engine
    producer: Producer

    def give_up(self, *events: CloudEvent, maker: LetterMaker = MAKER) -> None:
        """What the sink does."""
        letters = [letter for event in events for letter in maker.letters_of(event, AT)]
        self.producer.send_all(LETTERS, [(letter.id, letter.record(), ()) for letter in letters])

    def replay(self, *, dry: bool = False, **choice: Any) -> Summary:
        return replay_letters(self.settings, Choice(**choice), dry=dry)

    def sent(self, topic: str = IMAGES) -> list[Any]:
        return everything_in(self.settings.kafka, topic)

    def rows(self) -> list[Any]:
        with self.engine.begin() as connection:
            return list(connection.execute(select(dead_letters)))

    def conclude(self, key: str, *, published: bool = True) -> None:
        """The image has its result."""
        result = result_of(image(key))
        with self.engine.begin() as connection:
            connection.execute(results.insert().values(**result.row()))
            at = now() if published else None
            connection.execute(outbox.insert().values(result_id=result.result_id, event="", published_at=at))

    def let_pass(self, time: timedelta) -> None:
        """As if the last replays had been `time` earlier."""
        with self.engine.begin() as connection:
            earlier = now() - time
            replayed = dead_letters.c.replayed_at.is_not(None)
            connection.execute(update(dead_letters).where(replayed).values(replayed_at=earlier))


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    url = f"sqlite:///{tmp_path / 'letters.sqlite'}"
    with closing(EmbeddedBroker({LETTERS: 1, IMAGES: 1, BACKFILL: 1})) as broker:
        kafka = KafkaSettings(broker.bootstrap)
        engine = open_engine(url)
        migrate(engine)
        with closing(Producer(kafka)) as producer:
            yield Chain(ReplaySettings(kafka, LETTERS, "recorder", (IMAGES, BACKFILL), SEAL, url), engine, producer)
        engine.dispose()


def test_the_original_event_goes_out_again(chain: Chain) -> None:
    data = notification(record("DOE^JANE"))
    chain.give_up(given_up(data, key="a", **problem(503, "s3-unavailable")))
    assert chain.replay() == Summary(recorded=1, replayed=1)
    (sent,) = chain.sent()
    assert (sent.value(), sent.key(), sent.headers()) == (data, b"a", [("replay", b"1")])
    assert chain.rows()[0].replays == 1


def test_it_is_not_sent_twice_before_it_comes_back(chain: Chain) -> None:
    chain.give_up(given_up(notification(record("a"))))
    chain.replay()
    assert chain.replay() == Summary(waiting=1)
    chain.give_up(given_up(notification(record("a")), 8, kafkaheaderreplay="1", **problem(503, "s3-unavailable")))
    assert chain.replay() == Summary(recorded=1, replayed=1)
    assert [dict(sent.headers())["replay"] for sent in chain.sent()] == [b"1", b"2"]
    assert chain.rows()[0].attempts == 2


def test_a_loop_ends(chain: Chain) -> None:
    chain.give_up(given_up(notification(record("a"))))
    rounds = 0
    while chain.replay(retryable=True, most_replays=3).replayed:
        rounds += 1
        chain.let_pass(timedelta(days=1))
        again = problem(503, "s3-unavailable") | {"kafkaheaderreplay": str(rounds)}
        chain.give_up(given_up(notification(record("a")), **again))
        assert rounds < 10
    assert rounds == 3
    assert chain.replay(retryable=True, most_replays=3) == Summary(exhausted=1)
    assert chain.replay(most_replays=4).replayed == 1


def test_only_what_a_repeat_can_help(chain: Chain) -> None:
    chain.give_up(
        given_up(notification(record("a")), 1, **problem(503, "s3-unavailable")),
        given_up(notification(record("b")), 2, **problem(422, "not-an-image")),
    )
    assert chain.replay(retryable=True) == Summary(recorded=2, replayed=1)
    assert chain.replay(reason="busy") == Summary()
    assert chain.replay(reason="not-an-image") == Summary(replayed=1)


def test_at_most_so_many_the_oldest_first(chain: Chain) -> None:
    for minutes, key in enumerate("abc"):
        (letter,) = MAKER.letters_of(given_up(notification(record(key))), AT - timedelta(minutes=minutes))
        chain.producer.send(LETTERS, letter.record(), key=letter.id)
    assert chain.replay(limit=2).replayed == 2
    assert [sent.value() for sent in chain.sent()] == [notification(record("c")), notification(record("b"))]


def test_a_dry_run_changes_nothing(chain: Chain) -> None:
    chain.give_up(given_up(notification(record("a"))))
    assert chain.replay(dry=True) == Summary(unrecorded=1)
    assert chain.rows() == []
    chain.replay(reason="records only")
    chain.conclude("a")
    chain.give_up(given_up(notification(record("b"))))
    before = chain.rows()
    assert chain.replay(dry=True) == Summary(unrecorded=1, settled=1)
    assert chain.rows() == before
    assert chain.sent() == []


def test_an_outcome_settles_a_letter_and_the_books_stay_right(chain: Chain) -> None:
    chain.give_up(*(given_up(notification(record(key)), offset) for offset, key in enumerate("abcd")))
    chain.replay(reason="records only")
    assert accounts(chain.engine).images == 4
    chain.conclude("a")
    pseudonym = KEYS.image_pseudonym(image("b"))
    with chain.engine.begin() as connection:
        connection.execute(superseded.insert().values(image_id=KEYS.image_id(image("b")), image_pseudonym=pseudonym,
                                                      how="gone", recorded_at=AT))  # fmt: skip
        connection.execute(
            tombstones.insert().values(image_id=KEYS.image_id(image("c")), image_pseudonym="c", purged_at=AT)
        )
    assert chain.replay() == Summary(settled=3, replayed=1)
    assert [row.image_id for row in chain.rows()] == [KEYS.image_id(image("d"))]
    books = accounts(chain.engine)
    assert (books.results, books.superseded, books.dead_letters) == (1, 1, 1)
    ends = {
        message.key().decode() for message in everything_in(chain.settings.kafka, LETTERS) if message.value() is None
    }
    assert ends == {KEYS.image_id(image(key)) for key in "abc"}


def test_the_topic_read_anew_ends_with_the_same_letters(chain: Chain) -> None:
    chain.give_up(given_up(notification(record("a")), 1), given_up(notification(record("b")), 2))
    chain.replay(reason="records only")
    chain.conclude("a")
    chain.replay(reason="settles only")
    with chain.engine.begin() as connection:
        connection.execute(dead_letters.delete())
    anew = replace(chain.settings, group="another-recorder")
    replay_letters(anew, Choice(reason="records only"))
    assert [row.image_id for row in chain.rows()] == [KEYS.image_id(image("b"))]


def test_a_result_that_nobody_was_told_of_settles_nothing(chain: Chain) -> None:
    chain.give_up(given_up(notification(record("a"))))
    chain.conclude("a", published=False)
    assert chain.replay() == Summary(recorded=1, replayed=1)


def test_a_backfills_event_goes_back_to_its_own_topic_with_its_mark(chain: Chain) -> None:
    event = given_up(notification(record("a")), kafkaheaderbackfill="true", **problem(503, "busy"))
    chain.give_up(replace(event, source=f"/apis/v1/namespaces/xray/kafkasources/backfill#{BACKFILL}"))
    chain.replay()
    assert chain.sent() == []
    (sent,) = chain.sent(BACKFILL)
    assert dict(sent.headers()) == {"backfill": b"true", "replay": b"1"}


def test_an_event_cannot_choose_where_it_is_sent() -> None:
    event = CloudEvent("1", f"/anywhere#{LETTERS}", "t")
    assert topic_of(event, (IMAGES, BACKFILL)) == IMAGES


def test_a_letter_of_another_key_is_left_and_said(chain: Chain) -> None:
    other = replace(MAKER, seal=Seal((b"a key that was lost, and was long enough",)))
    chain.give_up(given_up(notification(record("a"))), maker=other)
    chain.give_up(given_up(notification(record("b")), 8))
    assert chain.replay() == Summary(recorded=2, replayed=1, unopened=1)
    assert {row.replays for row in chain.rows()} == {0, 1}
    both = replace(chain.settings, seal=Seal((*SEAL.secrets, *other.seal.secrets)))
    assert replay_letters(both, Choice()) == Summary(waiting=1, replayed=1)


PRESENT = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("image_id", "attempts", "replays", "minutes", "retryable", "expected"),
    [
        ("i", 1, 0, None, True, Standing.DUE),
        ("i", 2, 1, 4, True, Standing.WAITING),  # back, but its pause is not over
        ("i", 2, 1, 4, False, Standing.DUE),  # by hand there is no pause
        ("i", 2, 1, 6, True, Standing.DUE),
        ("i", 5, 4, 39, True, Standing.WAITING),
        ("i", 5, 4, 41, True, Standing.DUE),
        ("i", 9, 8, 359, True, Standing.WAITING),
        ("i", 9, 8, 361, True, Standing.DUE),
        ("i", 1, 1, 60, False, Standing.WAITING),  # on its way
        ("i", 1, 1, 721, False, Standing.DUE),  # lost on its way
        (None, 1, 1, 721, False, Standing.WAITING),  # nobody knows how that one ended
        ("i", 11, 10, 10_000, True, Standing.EXHAUSTED),
    ],
)
def test_when_a_letter_is_due(
    image_id: str | None, attempts: int, replays: int, minutes: int | None, retryable: bool, expected: Standing
) -> None:
    replayed_at = None if minutes is None else PRESENT - timedelta(minutes=minutes)
    letter = OpenLetter("l", image_id, True, attempts, replays, replayed_at)
    assert standing(letter, PRESENT, Choice(retryable=retryable)) is expected


def test_ten_rounds_outlast_a_night() -> None:
    letter, present = OpenLetter("l", "i", True, 1, 0, None), PRESENT
    for replays in range(1, 10):
        letter = replace(letter, attempts=replays + 1, replays=replays, replayed_at=present)
        while standing(letter, present, Choice(retryable=True)) is not Standing.DUE:
            present += timedelta(minutes=1)
    assert present - PRESENT > timedelta(hours=12)
