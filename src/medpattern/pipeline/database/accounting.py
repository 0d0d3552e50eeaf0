"""The books: every stored image is a result, a dead letter or superseded; and which result counts.

Only numbers and pseudonyms leave this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, Select, Subquery, case, exists, func, select

from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import dead_letters, notifications, outbox, results, superseded, tombstones


@dataclass(frozen=True, slots=True)
class Accounts:
    """Numbers of images, but for the last three.

    `results`, `dead_letters` and `superseded` exclude each other, in this order; `quarantined` are among
    `results`. `duplicates` counts deliveries of an image that had its result, `notifications` messages sent,
    `nameless` dead letters of events that name no image.
    """

    results: int
    dead_letters: int
    superseded: int
    quarantined: int
    duplicates: int
    notifications: int
    nameless: int

    @property
    def images(self) -> int:
        """Images with an outcome."""
        return self.results + self.dead_letters + self.superseded


def accounts(engine: Engine) -> Accounts:
    """The numbers of now, read in one transaction."""
    has_result = exists().where(results.c.image_id == dead_letters.c.image_id)
    was_superseded = exists().where(superseded.c.image_id == dead_letters.c.image_id)
    images = func.count(func.distinct(results.c.image_id))
    dead = select(func.count(func.distinct(dead_letters.c.image_id))).where(~has_result, ~was_superseded)
    gone = select(func.count()).where(~exists().where(results.c.image_id == superseded.c.image_id))
    numbers = {
        "results": select(images),
        "dead_letters": dead,
        "superseded": gone.select_from(superseded),
        "quarantined": select(images).where(results.c.publication == "quarantined"),
        "duplicates": select(func.coalesce(func.sum(outbox.c.duplicates), 0)),
        "notifications": select(func.count()).select_from(notifications).where(notifications.c.state == "sent"),
        "nameless": select(func.count()).select_from(dead_letters).where(dead_letters.c.image_id.is_(None)),
    }
    with answers(), engine.begin() as connection:
        return Accounts(**{name: int(connection.scalar(query) or 0) for name, query in numbers.items()})


def with_outcome(engine: Engine, image_ids: Iterable[str], model_sha256: str = "") -> set[str]:
    """Those of `image_ids` that need no scoring: by any model, or by the one that is named.

    A purged image counts as one with an outcome: it is not to be scored again.
    """
    wanted = list(image_ids)
    scored = select(results.c.image_id).where(results.c.image_id.in_(wanted))
    if model_sha256:
        scored = scored.where(results.c.model_sha256 == model_sha256)
    others = [superseded, tombstones] if model_sha256 else [superseded, tombstones, dead_letters]
    queries = [scored, *(select(table.c.image_id).where(table.c.image_id.in_(wanted)) for table in others)]
    with answers(), engine.begin() as connection:
        return {row[0] for query in queries for row in connection.execute(query)}


def current_results(pinned_sha256: str = "") -> Subquery:
    """One result per image: that of the pinned model, else the newest. To be selected from like `results`."""
    pinned_first = case((results.c.model_sha256 == pinned_sha256, 0), else_=1)
    rank = func.row_number().over(
        partition_by=results.c.image_id,
        order_by=(pinned_first, results.c.scored_at.desc(), results.c.result_id),
    )
    ranked = select(*results.c, rank.label("rank")).subquery()
    chosen: Select[tuple[object, ...]] = select(*(column for column in ranked.c if column.name != "rank"))
    return chosen.where(ranked.c.rank == 1).subquery("current_results")
