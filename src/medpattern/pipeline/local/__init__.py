"""`medpattern run`: every stage of the pipeline as a process of its own, on one machine."""
