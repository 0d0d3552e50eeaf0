"""Set what no resource declares: buckets, retention, access rules, topic and notification.

Reads the environment and /credentials/<role>/; may run any number of times.
boto3 checks the certificate of the store by AWS_CA_BUNDLE.
"""

import json
import os
import pathlib
import re
import sys
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ENV = os.environ
CREDENTIALS = pathlib.Path(ENV.get("CREDENTIALS", "/credentials"))
ROLES = [role for role in ("source", "processed", "anonymised", "simulated") if f"{role.upper()}_BUCKET" in ENV]
CONFIG = Config(
    retries={"max_attempts": 8, "mode": "standard"},
    s3={"addressing_style": "path"},
    # Ceph before Squid and other stores refuse the checksums that newer boto3 adds unasked.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")
READ = ["s3:GetObject", "s3:GetObjectVersion"]
WRITE = ["s3:PutObject", "s3:AbortMultipartUpload"]
# GetObject is for HEAD: the object that is removed is the one that was found.
REMOVE = ["s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion"]
# ListBucket turns "forbidden" into "not found": a deleted image is told from a denied one.
LIST = ["s3:ListBucket"]
LIST_VERSIONS = ["s3:ListBucket", "s3:ListBucketVersions"]
# The least that each principal needs: bucket -> what it may do with the bucket, and with its objects.
GRANTS: dict[str, dict[str, tuple[list[str], list[str]]]] = {
    "service": {
        "source": (LIST, READ),
        "simulated": (LIST, READ),
        "processed": (LIST, READ + WRITE),
        "anonymised": (LIST, READ + WRITE),
    },
    "uploader": {"source": ([], WRITE)},
    "simulator": {"simulated": ([], WRITE)},
    "backfill": {"source": (LIST_VERSIONS, [])},
    # It looks for originals, and signs addresses with which browsers read what was made of them.
    "results": {"source": (LIST_VERSIONS, READ), "processed": ([], READ[:1]), "anonymised": ([], READ[:1])},
    "purge": dict.fromkeys(("source", "processed", "anonymised"), (LIST_VERSIONS, REMOVE)),
}


def secret(role: str, key: str) -> str:
    return (CREDENTIALS / role / key).read_text().strip()


def client(service: str, role: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=ENV["S3_ENDPOINT"],
        region_name=ENV["S3_REGION"],
        aws_access_key_id=secret(role, "AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=secret(role, "AWS_SECRET_ACCESS_KEY"),
        config=CONFIG,
    )


def create(s3: Any, bucket: str) -> None:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        # Only "not there" means create; 403 means that the name belongs to somebody else.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        s3.create_bucket(Bucket=bucket)


def lifecycle(days: int) -> dict[str, Any]:
    rules: list[dict[str, Any]] = [
        {
            "ID": "abort-incomplete-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
    ]
    if days:
        rules.append({"ID": "retention", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": days}})
    return {"Rules": rules}


def policy(role: str, bucket: str, principals: dict[str, str]) -> dict[str, Any] | None:
    """The rules of one bucket; None where there is none to grant. A principal "" gets nothing."""
    bucket_arn = f"arn:aws:s3:::{bucket}"
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": [principals[name]]}, "Action": actions, "Resource": [resource]}
        for name, grants in GRANTS.items()
        if principals.get(name) and role in grants
        for actions, resource in zip(grants[role], (bucket_arn, f"{bucket_arn}/*"), strict=True)
        if actions
    ]
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def topic_attributes(endpoint: str) -> dict[str, str]:
    if not endpoint.startswith("https://"):
        raise SystemExit("S3_ENDPOINT is not https: Kafka's password would travel in clear text")
    user, password = secret("kafka", "username"), secret("kafka", "password")
    # Older Ceph takes the address apart without decoding %, newer Ceph decodes it: only characters that
    # need no encoding mean the same to both. Passwords that Strimzi makes have no others.
    if not UNRESERVED.fullmatch(user + password):
        raise SystemExit("Kafka's user name or password has characters other than A-Z a-z 0-9 . _ ~ -")
    attributes = {
        "push-endpoint": f"kafka://{user}:{password}@{ENV['KAFKA_BOOTSTRAP']}",
        "use-ssl": "true",
        "mechanism": ENV["KAFKA_MECHANISM"],
        "kafka-ack-level": "broker",
        # Queued by the store and repeated until Kafka has it; else the event is lost when Kafka is away.
        "persistent": "true",
    }
    if ENV.get("KAFKA_CA_LOCATION"):
        attributes["ca-location"] = ENV["KAFKA_CA_LOCATION"]
    return attributes


def notification(topic_arn: str) -> dict[str, Any]:
    filters = [
        {"Name": name, "Value": ENV[key]}
        for name, key in (("prefix", "NOTIFICATION_PREFIX"), ("suffix", "NOTIFICATION_SUFFIX"))
        if ENV.get(key)
    ]
    entry: dict[str, Any] = {
        "Id": ENV["NOTIFICATION_NAME"],
        "TopicArn": topic_arn,
        "Events": ENV["NOTIFICATION_EVENTS"].split(","),
    }
    if filters:
        entry["Filter"] = {"Key": {"FilterRules": filters}}
    return {"TopicConfigurations": [entry]}


def main() -> None:
    for role in ROLES:
        s3, bucket = client("s3", role), ENV[f"{role.upper()}_BUCKET"]
        if ENV["CREATE_BUCKETS"] == "true":
            create(s3, bucket)
        s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration=lifecycle(int(ENV[f"{role.upper()}_RETENTION_DAYS"]))
        )
        rules = policy(role, bucket, {name: ENV.get(f"{name.upper()}_PRINCIPAL", "") for name in GRANTS})
        if rules:
            s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(rules))
        print(f"{role}: bucket {bucket} has its retention and access rules", flush=True)
    if "NOTIFICATION_NAME" in ENV:
        arn = (
            ENV.get("TOPIC_ARN")
            or client("sns", "source").create_topic(
                Name=ENV["TOPIC_NAME"], Attributes=topic_attributes(ENV["S3_ENDPOINT"])
            )["TopicArn"]
        )
        # A changed topic does not reach notifications that exist, so they are always put again.
        for role in ROLES:
            if role in ("source", "simulated"):
                client("s3", role).put_bucket_notification_configuration(
                    Bucket=ENV[f"{role.upper()}_BUCKET"], NotificationConfiguration=notification(arn)
                )
                print(f"{role}: notification {ENV['NOTIFICATION_NAME']} goes to {arn}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (BotoCoreError, ClientError, OSError) as error:
        sys.exit(f"the object store refused or could not be reached: {error}")
