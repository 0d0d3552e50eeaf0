"""Apache Kafka as it is run in production (KRaft, no ZooKeeper), from the jars on Maven Central."""
