"""Benchmarks: what a render costs in processor time, against Kapitan and Helm on the same manifests.

`make bench` runs them. They are measurements, never tests: nothing fails on time.
"""
