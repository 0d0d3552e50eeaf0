"""Objects in S3: fetched exactly as an event named them, written under keys that say nothing.

The only module that speaks to the object store. What the store answers becomes one of the four failures;
the texts of boto3, which quote bucket and key, go no further.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.failures import Superseded, Unavailable, Unprocessable
from medpattern.pipeline.settings import StoreSettings

# Deleted, or a delete marker under that version.
_GONE = {"404", "NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "405"}
_REPLACED = {"412", "PreconditionFailed"}
_REFUSED = {"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket"}
# An object that was stored with a customer's key (SSE-C) answers so to whoever comes without it.
_SEALED = {"400", "InvalidRequest", "InvalidArgument"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object's bytes and its own metadata (x-amz-meta-*, names without that prefix)."""

    data: bytes = field(repr=False)
    metadata: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """One version in a listing."""

    object: StoredObject
    modified: datetime
    latest: bool


class ObjectStore:
    """A client for one store. It opens its connection at first use and may be shared by threads."""

    def __init__(self, settings: StoreSettings, *, connections: int = 16, timeout: float = 20) -> None:
        self.settings = settings
        self._connections = connections
        self._timeout = timeout
        self._made: Any = None

    @property
    def _client(self) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self, service: str = "s3") -> Any:
        import boto3
        from botocore.config import Config

        settings = self.settings
        config = Config(
            max_pool_connections=self._connections,
            connect_timeout=5,
            read_timeout=self._timeout,
            # Whoever sent the event repeats it; a second layer of patience would only hide an outage.
            retries={"total_max_attempts": 2, "mode": "standard"},
            # Else pre-signed addresses would be of the second version, which many stores refuse.
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return boto3.session.Session().client(
            service,
            endpoint_url=settings.endpoint,
            region_name=settings.region,
            aws_access_key_id=settings.access_key or None,
            aws_secret_access_key=settings.secret_key or None,
            verify=settings.ca or None,
            config=config,
        )

    def sibling(self, service: str) -> Any:
        """A boto3 client of another `service` at the same address, such as "sns"; its errors are boto3's own."""
        return self._client if service == "s3" else self._make(service)

    def make_bucket(self, bucket: str) -> None:
        """Makes `bucket`; one that is there and ours is fine."""
        with _answers():
            try:
                self._client.create_bucket(Bucket=bucket)
            except self._client.exceptions.BucketAlreadyOwnedByYou:
                return

    def check(self, buckets: Iterable[str]) -> None:
        """Raises Unavailable unless every bucket of `buckets` is there and may be used."""
        for bucket in buckets:
            try:
                with _answers():
                    self._client.head_bucket(Bucket=bucket)
            except Superseded:
                # A HEAD has no body that would tell a missing bucket from a missing key.
                raise Unavailable("s3", f"there is no bucket {bucket}") from None

    def fetch(self, stored: StoredObject, most_bytes: int) -> Fetched:
        """The very version that `stored` names: by its versionId, else on condition of its eTag.

        Raises:
            Superseded: it is gone or replaced.
            Unprocessable: it has more than `most_bytes`, or only its owner's key opens it.
            Unavailable: the store does not answer, or refuses the credentials.
        """
        which = {"VersionId": stored.version_id} if stored.version_id else {"IfMatch": f'"{stored.etag}"'}
        return self._fetch(stored.bucket, stored.key, most_bytes, **which)

    def fetch_newest(self, bucket: str, key: str, most_bytes: int) -> Fetched:
        """Whatever version is the newest; raises as `fetch` does."""
        return self._fetch(bucket, key, most_bytes)

    def _fetch(self, bucket: str, key: str, most_bytes: int, **which: str) -> Fetched:
        with _answers(sealed=True):
            answer = self._client.get_object(Bucket=bucket, Key=key, **which)
            if answer["ContentLength"] > most_bytes:
                answer["Body"].close()
                raise Unprocessable("too-large", f"more than {most_bytes} bytes")
            return Fetched(answer["Body"].read(), answer.get("Metadata", {}))

    def put(
        self, bucket: str, key: str, data: bytes, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> str:
        """Stores `data`, over what may be there; returns the eTag without quotes."""
        with _answers():
            answer = self._client.put_object(
                Bucket=bucket, Key=key, Body=data, ContentType=content_type, Metadata=dict(metadata or {})
            )
            return str(answer["ETag"]).strip('"')

    def presigned(self, bucket: str, key: str, seconds: int, content_type: str) -> str:
        """An address that gives anybody who has it the newest version of `key`, for `seconds`.

        Made without asking the store: whether there is such an object shows only when it is fetched. Whatever type
        it was stored with, it comes as `content_type`, and no cache may keep it.
        """
        wanted = {"Bucket": bucket, "Key": key, "ResponseContentType": content_type}
        wanted |= {"ResponseCacheControl": "no-store", "ResponseContentDisposition": "inline"}
        with _answers():
            return str(self._client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=seconds))

    def versions(self, bucket: str, prefix: str = "") -> Iterator[ListedVersion]:
        """All object versions of `bucket` below `prefix`, in the store's order."""
        with _answers():
            pages = self._client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Versions", ()):
                    version = "" if item.get("VersionId") in (None, "", "null") else item["VersionId"]
                    stored = StoredObject(
                        bucket, item["Key"], version, item["ETag"].strip('"'), item["Size"], item["LastModified"]
                    )
                    yield ListedVersion(stored, item["LastModified"], bool(item.get("IsLatest", True)))

    def delete(self, stored: StoredObject) -> None:
        """Removes that version for good; one that is gone or replaced already is fine.

        One at a time: the multi-object form aborts the radosgw of Ceph 16.2 when its bucket notifies removals.
        """
        which = {"VersionId": stored.version_id} if stored.version_id else {}
        try:
            with _answers():
                if not which:
                    # Without versions another image may lie under the key by now; it is not the one that is meant.
                    self._client.head_object(Bucket=stored.bucket, Key=stored.key, IfMatch=f'"{stored.etag}"')
                self._client.delete_object(Bucket=stored.bucket, Key=stored.key, **which)
        except Superseded:
            return

    def delete_key(self, bucket: str, key: str) -> None:
        """Removes every version of `key`."""
        for listed in list(self.versions(bucket, key)):
            if listed.object.key == key:
                self.delete(listed.object)


@contextmanager
def _answers(*, sealed: bool = False) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as problem:
        raise _meaning(str(problem.response.get("Error", {}).get("Code", "")), sealed=sealed) from None
    except (BotoCoreError, HTTPError, ConnectionError, TimeoutError) as problem:
        raise Unavailable("s3", type(problem).__name__) from None


def _meaning(code: str, *, sealed: bool) -> Superseded | Unavailable | Unprocessable:
    if code in _GONE:
        return Superseded("gone")
    if code in _REPLACED:
        return Superseded("replaced")
    if sealed and code in _SEALED:
        return Unprocessable("sealed-object", "the store gives it only to whoever brings its key (SSE-C)")
    if code in _REFUSED:
        return Unavailable("s3", f"it refuses: {code}")
    return Unavailable("s3", code if code.isalnum() else "")
