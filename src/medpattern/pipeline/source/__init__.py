"""`medpattern source`: delivers a topic's records over HTTP as a KafkaSource does, and holds back in outages."""
