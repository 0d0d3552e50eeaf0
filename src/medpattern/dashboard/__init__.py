"""The live page of a local run: a process of its own that reads, shows, and changes nothing.

`python -m medpattern.dashboard` answers on 127.0.0.1 alone. The run's own facts come from a file that the run rewrites
(`state.py`), everything else from the database and the object store.
"""
