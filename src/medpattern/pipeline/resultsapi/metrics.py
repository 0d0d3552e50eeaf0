"""What the results API counts; no label names anybody."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

REQUESTS = Histogram(
    "medpattern_results_request_seconds", "Requests to the results API by route and status.", ["route", "status"]
)
SIGN_INS = Counter("medpattern_results_sign_ins_total", "Sign-ins on the page by how they ended.", ["end"])
REFUSED = Counter("medpattern_results_refused_total", "Requests refused, by reason.", ["reason"])
VERDICTS = Counter("medpattern_results_verdicts_total", "Readers' verdicts by opinion.", ["opinion"])
ORIGINALS = Counter("medpattern_results_originals_total", "Views of originals by how they ended.", ["end"])
