"""What leaves a cluster, in which order, and what stays."""
