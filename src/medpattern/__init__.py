"""medpattern: values files in, per-cluster Helm charts and Argo CD Applications out."""

__version__ = "0.1.0"
