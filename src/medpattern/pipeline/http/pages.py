"""What pages have in common: the types of their files, and what every answer tells the browser to leave."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def static_files(folder: Path) -> dict[str, tuple[bytes, str]]:
    """The files of a page in `folder`, read once: name to bytes and media type."""
    known = (path for path in folder.iterdir() if path.suffix in _MEDIA_TYPES)
    return {path.name: (path.read_bytes(), _MEDIA_TYPES[path.suffix]) for path in known}


def page_headers(images: str = "") -> dict[str, str]:
    """Headers of every answer: load nothing from elsewhere, run nothing inline, keep nothing.

    `images` are further sources of images, as in a Content-Security-Policy, such as "blob: https://store.example.org".
    """
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        f"img-src 'self' {images}".rstrip(),
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return {
        "content-security-policy": "; ".join(policy),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        # Without it any page of the web could show these X-rays in its own <img>.
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
    }
