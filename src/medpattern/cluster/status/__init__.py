"""What Argo CD says of its Applications, held against what the tree says should be there."""
