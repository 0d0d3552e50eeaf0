"""What staff are told: pseudonym, outcome, time, model, and where the result is. Nothing that identifies."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import quote

from medpattern.pipeline.clock import rfc3339
from medpattern.pipeline.events.results import STATEMENT, Outcome, Publication, ResultNotice

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HEADLINES = {
    Outcome.PNEUMONIA: "Pneumonia suspected",
    Outcome.UNSURE: "Model unsure, please read",
    Outcome.NORMAL: "Normal",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message, the same by every channel. `scored` is RFC 3339; `link` "" where there is no results API."""

    image: str
    outcome: str
    reason: str
    scored: str
    model: str
    publication: str
    simulated: bool
    stand_in: bool
    link: str

    @property
    def subject(self) -> str:
        """One line; it says at once that it is no diagnosis."""
        test = "TEST: " if self.simulated else ""
        return f"{test}{_HEADLINES[Outcome(self.outcome)]}: image {self.image} ({STATEMENT})"

    def text(self) -> str:
        """The message for people."""
        warnings = ["This image was made by a simulator; no patient is concerned."] if self.simulated else []
        warnings += ["The model is a stand-in without medical meaning."] if self.stand_in else []
        withheld = self.publication == Publication.QUARANTINED.value
        warnings += ["Its images are withheld until a person has looked at them."] if withheld else []
        facts = {
            "Image": self.image,
            "Outcome": self.outcome + (f" ({self.reason})" if self.reason else ""),
            "Scored": self.scored,
            "Model": self.model,
            "Result": self.link,
        }
        lines = [f"{name + ':':9}{value}" for name, value in facts.items() if value]
        return "\n".join(
            [f"{_HEADLINES[Outcome(self.outcome)]}.", "", *lines, "", *warnings, f"{STATEMENT.capitalize()}.", ""]
        )

    def value(self) -> dict[str, object]:
        """The message for programs; `text` is what chat systems show."""
        return {
            "image": self.image,
            "outcome": self.outcome,
            "reason": self.reason,
            "scored": self.scored,
            "model": self.model,
            "publication": self.publication,
            "simulated": self.simulated,
            "standIn": self.stand_in,
            "statement": STATEMENT,
            "link": self.link,
            "text": self.subject + (f"\n{self.link}" if self.link else ""),
        }

    def stored(self) -> str:
        """The message as the table keeps it."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})


def message_of(notice: ResultNotice, results_url: str) -> Message:
    """The message about `notice`; `results_url` is the address of the results API, "" where there is none."""
    image = _line(notice.image_pseudonym)
    return Message(
        image=image,
        outcome=notice.outcome.value,
        reason=_line(notice.reason),
        scored=rfc3339(notice.scored_at),
        model=_line(f"{notice.model_name} {notice.model_version}"),
        publication=notice.publication.value,
        simulated=notice.simulated,
        stand_in=notice.stand_in,
        link=f"{results_url.rstrip('/')}/results/{quote(image, safe='')}" if results_url else "",
    )


def read_message(stored: str) -> Message:
    """The message that `stored` was made of."""
    return Message(**json.loads(stored))


def _line(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text)
