"""`medpattern backfill`: what is already stored and has no outcome is published again, for the same chain to score."""
