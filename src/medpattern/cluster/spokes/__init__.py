"""Clusters that a hub's Argo CD pushes to: they join, change their token, and leave."""
