from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.source.policy import Answer, Progress, Silence, Verdict, backoff, follow
from medpattern.pipeline.source.settings import DeliveryPolicy
from medpattern.pipeline.source.words import Growth

POLICY = DeliveryPolicy(retry=3, delay=0.5)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_done(status: int) -> None:
    assert follow(Progress(), Answer(status), POLICY).verdict is Verdict.DONE


@pytest.mark.parametrize("answer", [*map(Answer, [404, 408, 409, 429, 500, 502, 503, 504, 599]),
                                    Answer(silence=Silence.TIMEOUT), Answer(silence=Silence.NONSENSE)])  # fmt: skip
def test_what_may_be_better_next_time_is_tried_as_often_as_told_and_then_buried(answer: Answer) -> None:
    progress, verdicts = Progress(), []
    while progress.dead is None:
        step = follow(progress, answer, POLICY)
        verdicts.append(step.verdict)
        progress = step.progress
    assert verdicts == [Verdict.RETRY] * 3 + [Verdict.DEAD]
    assert progress.tries == 4
    assert progress.dead == answer


@pytest.mark.parametrize("status", [100, 301, 302, 307, 400, 401, 403, 405, 410, 413, 415, 422, 451])
def test_what_no_repeat_helps_is_buried_at_once(status: int) -> None:
    step = follow(Progress(), Answer(status), POLICY)
    assert step.verdict is Verdict.DEAD
    assert step.progress.tries == 1


AWAY = st.one_of(
    st.builds(Answer, status=st.just(503), unavailable=st.sampled_from(["s3", "kafka", "database", "busy", "else"])),
    st.just(Answer(silence=Silence.REFUSED)),
)


@given(st.lists(AWAY, max_size=200))
def test_an_outage_is_held_however_long_and_counts_nothing(answers: list[Answer]) -> None:
    progress = Progress(attempts=2)
    for answer in answers:
        step = follow(progress, answer, POLICY)
        assert step.verdict is Verdict.HOLD
        assert 0 < step.pause <= POLICY.longest_hold
        progress = step.progress
    assert progress.tries == 2
    assert follow(progress, Answer(200), POLICY).verdict is Verdict.DONE


def test_the_reason_of_a_hold_is_one_of_few_words() -> None:
    assert follow(Progress(), Answer(503, unavailable="database"), POLICY).held_for == "database"
    assert follow(Progress(), Answer(503, unavailable="<anything>"), POLICY).held_for == "other"
    assert follow(Progress(), Answer(silence=Silence.REFUSED), POLICY).held_for == "sink-unreachable"


def test_an_event_that_breaks_the_sink_again_and_again_is_buried_in_the_end() -> None:
    progress, breaks = Progress(), 0
    while progress.dead is None:
        # Between two breaks the sink starts again, and refuses meanwhile.
        progress = follow(progress, Answer(silence=Silence.REFUSED), POLICY).progress
        progress = follow(progress, Answer(silence=Silence.BROKEN), POLICY).progress
        breaks += 1
    assert breaks == POLICY.most_breaks + 1
    assert progress.tries == breaks


@given(st.integers(100, 599).filter(lambda status: not 200 <= status < 300))
def test_a_dead_letter_is_held_until_its_sink_takes_it(status: int) -> None:
    dead = follow(Progress(), Answer(422), POLICY).progress
    step = follow(dead, Answer(status), POLICY)
    assert (step.verdict, step.held_for) == (Verdict.HOLD, "dead-letter-sink")
    assert follow(step.progress, Answer(202), POLICY).verdict is Verdict.DONE


def test_pauses_are_those_of_knative() -> None:
    # WebClientCloudEventSender.java: delay * 2^retry and delay * retry, where the first retry is 1.
    linear = DeliveryPolicy(delay=0.5, growth=Growth.LINEAR)
    assert [backoff(attempt, POLICY) for attempt in (1, 2, 3)] == [1.0, 2.0, 4.0]
    assert [backoff(attempt, linear) for attempt in (1, 2, 3)] == [0.5, 1.0, 1.5]
