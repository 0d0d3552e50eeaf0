"""YAML in and out: read as Helm reads it, written so that Helm and medpattern read it back equal."""
