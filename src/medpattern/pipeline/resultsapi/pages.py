"""The pages' files, read once, so that no path can lead anywhere else; and pages that only say something."""

from __future__ import annotations

import html
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse, Response

from medpattern.pipeline.http.pages import static_files

STATIC = Path(__file__).parent / "static"
# Codes to what is said: title, text, and where to go on from there.
MESSAGES = {
    "signed-out": ("Signed out", "You are signed out of the results.", "Sign in"),
    "not-found": ("Not found", "There is nothing under this address.", "To the worklist"),
    "provider-away": (
        "Sign-in is not available",
        "The hospital's sign-in does not answer. Try again soon.",
        "Try again",
    ),
    "unknown-state": (
        "Sign-in was not finished",
        "It took longer than ten minutes, was begun in another browser, or cookies are blocked.",
        "Try again",
    ),
    "denied": ("Sign-in was refused", "The hospital's sign-in let nobody in.", "Try again"),
    "token-refused": (
        "Sign-in failed",
        "What the hospital's sign-in answered was not to be believed. Tell whoever runs it.",
        "Try again",
    ),
    "no-role": (
        "No access",
        "You are signed in, but you have none of the roles that may see results. Ask whoever gives out roles.",
        "Try again",
    ),
}


def file_page(name: str) -> Response:
    """One of the files; not-found where there is none of that name."""
    if name not in static_files(STATIC):
        return message_page("not-found", 404)
    data, media_type = static_files(STATIC)[name]
    return Response(data, media_type=media_type)


def message_page(code: str, status: int = 200) -> Response:
    """A page for people that says one thing of `MESSAGES`."""
    title, text, link = (html.escape(part) for part in MESSAGES[code])
    frame = Template(static_files(STATIC)["message.html"][0].decode())
    return HTMLResponse(frame.substitute(title=title, text=text, link=link), status)
