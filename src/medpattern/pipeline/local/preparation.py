"""What must be there before the stages start: buckets, topics, tables, and the notification of the bucket."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, func, select

from medpattern.errors import UsageError
from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.schema import results
from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.connection import Watch, check_topics, configuration

if TYPE_CHECKING:
    from medpattern.pipeline.settings import KafkaSettings
    from medpattern.pipeline.store.objects import ObjectStore

_LOG = logging.getLogger(__name__)
TOPICS = {"images": 4, "results": 4, "dead-letters": 1}


def prepare_database(engine: Engine) -> None:
    """Makes the tables.

    Raises:
        UsageError: they hold results already, which this run's books would count as its own.
    """
    migrate(engine)
    with answers(), engine.begin() as connection:
        held = connection.scalar(select(func.count()).select_from(results))
    if held:
        raise UsageError(f"the database already holds {held} results; a run needs an empty one")


def make_topics(settings: KafkaSettings, topics: Mapping[str, int]) -> None:
    """Makes the topics that are not there, each with so many partitions, and waits until all are known.

    Raises:
        Unavailable: the brokers are away or refuse it.
    """
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

    watch = Watch()
    client = AdminClient(configuration(settings, watch))
    check_topics(client, watch, [])
    known = client.list_topics(timeout=10).topics
    wanted = [NewTopic(name, partitions) for name, partitions in topics.items() if name not in known]
    for future in client.create_topics(wanted).values() if wanted else ():
        try:
            future.result(15)
        except KafkaException as problem:
            watch.note(problem.args[0])
            watch.check()
            raise Unavailable("kafka", f"a topic cannot be made: {problem.args[0].name()}") from None
    check_topics(client, watch, list(topics))


def make_buckets(store: ObjectStore, buckets: list[str]) -> None:
    """Makes the buckets; those that are there already are fine."""
    for bucket in buckets:
        store.make_bucket(bucket)


def notify_bridge(store: ObjectStore, bucket: str, topic: str, push: str) -> bool:
    """Lets `bucket` tell the bridge at `push` of each new object; False where the store cannot.

    Ceph pushes by the topic's endpoint, moto by a subscription. Neither repeats here (a persistent topic of Ceph
    waits up to 30 s for its first event): the run compares bucket and results anyway.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    sns = store.sibling("sns")
    try:
        arn = sns.create_topic(Name=topic, Attributes={"push-endpoint": push})["TopicArn"]
        if not arn.startswith("arn:aws:sns:default"):
            _subscribe(sns, arn, push)
        store.sibling("s3").put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={
                "TopicConfigurations": [{"Id": "medpattern", "TopicArn": arn, "Events": ["s3:ObjectCreated:*"]}]
            },
        )
    except (BotoCoreError, ClientError) as refused:
        _LOG.warning("the object store sends no notifications", extra={"cause": type(refused).__name__})
        return False
    return True


def _subscribe(sns: Any, arn: str, push: str) -> None:
    from botocore.exceptions import ClientError

    try:
        sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=push)
    except ClientError:
        # Ceph has no such call; its topics push by themselves.
        _LOG.debug("no subscription")
