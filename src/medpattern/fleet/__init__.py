"""Values files and cluster facts -> Fleet: loading, layering, provenance, schema."""
