"""The Kubernetes edge: what is asked of a live cluster."""
