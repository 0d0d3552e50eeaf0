"""What runs in the pods, and in `medpattern run`: from an X-ray in a bucket to a result.

The stages (service, source, bridge, dead letters, notification ...) are programs of their own; they share the
contracts of `events`, `identity` and `failures`, and reach the world through `store`, `kafka` and `database`.
"""
