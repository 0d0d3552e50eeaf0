"""`medpattern bridge`: notifications over HTTP into Kafka, for object stores that cannot reach Kafka themselves."""
