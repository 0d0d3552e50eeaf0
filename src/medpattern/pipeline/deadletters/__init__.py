"""Dead letters: events that could not be handled, sealed; recorded, looked at, and sent again."""
