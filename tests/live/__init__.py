"""Tests against a real Kubernetes API server and Knative's own code; they run only when named (docs/testing.md)."""
