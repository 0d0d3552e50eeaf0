"""The object store: one thin edge over boto3."""
