"""Kafka: thin edges over confluent-kafka, and the embedded broker of a local run."""
