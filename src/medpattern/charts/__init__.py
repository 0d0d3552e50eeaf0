"""Chart sources -> Helm charts, and the same charts hydrated to objects."""
