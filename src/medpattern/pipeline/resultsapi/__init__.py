"""The results API and its page for the ward: worklist, images, verdicts; behind OpenID Connect, never anonymous."""
