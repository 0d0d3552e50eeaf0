"""What a sync would change of the objects of a cluster."""
