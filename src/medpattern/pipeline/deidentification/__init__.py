"""Images without identity: burned-in text removed or the image held back, and what is published of the rest."""
