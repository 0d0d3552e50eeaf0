"""Benchmarks in processor time: rendering against Kapitan and Helm, the service against a bare loop and other servers.

`make bench` and `make bench-service` run them. They are measurements, never tests: nothing fails on time.
"""
