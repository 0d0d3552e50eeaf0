"""Ceph's object gateway (RGW) with the least of Ceph under it: one monitor, one object store in memory, one radosgw.

Debian builds radosgw without its Kafka endpoint, so notifications leave by HTTP push only. What else RGW 16 does in
its own way, as far as tests meet it:

- It looks for new persistent topics every 30 s, the first time 30 s after its start. So `start` makes some in advance,
  which `subscribe` then gives an endpoint: from 30 s after the start of the cluster, subscribing takes effect at once.
- Queues belong to one radosgw for 90 s. When it was killed or restarted, their events come after that time.
- After `kill_rgw` its watches live on too: the next bucket, topic or user waits some 5 s (30 s by default).
- A persistent queue whose endpoint refuses connections may hang until radosgw is restarted. An endpoint that answers
  503 is asked again.
- DeleteObjects aborts radosgw where the bucket notifies of removals: only `s3:ObjectCreated:*` is subscribed to.
- Memory grows by a multiple of what is stored: 126 MB at first, some 0.8 GB after 360 MB of objects.
"""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.real.servers.ports import free_ports, listening
from tests.real.servers.processes import Process
from tests.real.servers.programs import program, run

REGION = "default"
PREPARED_TOPICS = 24

# The reasons stand beside what Ceph would not start without.
CONFIGURATION = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_port}]
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
ms_bind_ipv6 = false
# Without cephx there is no 'secure' mode, which radosgw asks of the monitor by default, for ever.
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_allow_insecure_global_id_reclaim = false
ms_mon_client_mode = crc
run_dir = {folder}
pid_file =
admin_socket = {folder}/$name.sock
log_file = {folder}/log/$name.log
mon_cluster_log_file = {folder}/log/cluster.log
crash_dir = {folder}/crash
mon_data = {folder}/mon
osd_data = {folder}/osd
rgw_data = {folder}/rgw
# One copy of everything, one placement group in each pool, and no manager that would change it.
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_max_pg_per_osd = 1000
# Each new pool is a vote of the monitors, which wait for company by default: 12 s in all.
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
# The machine's disk may be nearly full.
mon_data_avail_warn = 2
mon_data_avail_crit = 1
mon_osd_full_ratio = 0.99
mon_osd_nearfull_ratio = 0.98
mon_osd_backfillfull_ratio = 0.985
osd_objectstore = memstore
memstore_device_bytes = {capacity}
# memstore is written to disk when it is unmounted, which a fast shutdown leaves out.
osd_fast_shutdown = false
# A killed radosgw is forgotten after 5 s, not 30, if those who live say so more often than every 5 s.
osd_client_watch_timeout = 5
objecter_tick_interval = 1
osd_op_num_shards = 2
osd_op_num_threads_per_shard = 1

[client.rgw]
# Without tcp_nodelay an answer of some tens of KB waits 40 ms for the client's delayed ACK.
rgw_frontends = beast endpoint=127.0.0.1:{s3_port} tcp_nodelay=1
rgw_thread_pool_size = 32
rgw_enable_apis = s3, admin, sts, iam, notifications
# SSE-C over plain HTTP, which nobody does but a test on 127.0.0.1.
rgw_crypt_require_ssl = false
rgw_enable_usage_log = false
rgw_enable_ops_log = false
# From 1 a push that failed leaves a line in the log.
debug_rgw = 1
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Keys of an RGW user."""

    access_key: str
    secret_key: str = field(repr=False)


class Ceph:
    """A cluster in a folder. Objects live through `stop` and `start` and through a killed radosgw."""

    def __init__(self, folder: Path, *, capacity: int = 4 << 30) -> None:
        """`folder` holds sockets, whose paths have 107 bytes at most: keep it short. `capacity` in bytes."""
        self.folder = folder
        self.capacity = capacity
        self.configuration = folder / "ceph.conf"
        self.mon_port, self.s3_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.s3_port}"
        self.account = Account("tester", secrets.token_hex(16))
        self._topics: list[str] = []
        self.mon = self._daemon("ceph-mon", "mon", "-i", "a")
        self.osd = self._daemon("ceph-osd", "osd", "-i", "0")
        self.rgw = self._daemon("radosgw", "rgw", "-n", "client.rgw")

    def _daemon(self, name: str, package: str, *arguments: str) -> Process:
        command: list[str | Path] = [program(name, name), "-f", "-c", self.configuration, *arguments]
        return Process(name, command, self.folder / "log" / f"{package}.out")

    def start(self) -> None:
        """Start what is down; the first time, make the cluster, its user and the topics."""
        first = not self.configuration.exists()
        if first:
            self._create()
        else:
            self.mon.start()
            self.osd.start()
        self.start_rgw()
        if first:
            self._create_user(self.account)
            self._topics = [f"prepared-{number}" for number in range(PREPARED_TOPICS)]
            for topic in self._topics:
                self._create_topic(topic, "http://127.0.0.1:9", persistent=True)

    def _create(self) -> None:
        for name in ("log", "crash", "mon", "osd", "rgw"):
            (self.folder / name).mkdir(parents=True)
        fsid = str(uuid.uuid4())
        self.configuration.write_text(
            CONFIGURATION.format(
                fsid=fsid, folder=self.folder, mon_port=self.mon_port, s3_port=self.s3_port, capacity=self.capacity
            ),
            "utf-8",
        )
        # A map with an address: one that only names its members never comes to a quorum.
        monitors = self.folder / "monmap"
        address = f"[v2:127.0.0.1:{self.mon_port}]"
        run(program("monmaptool", "ceph-common"), "--create", "--fsid", fsid, "--addv", "a", address, monitors)
        run(program("ceph-mon", "ceph-mon"), "-c", self.configuration, "--mkfs", "-i", "a", "--monmap", monitors)
        self.mon.start()
        osd = str(uuid.uuid4())
        run(program("ceph", "ceph-common"), "-c", self.configuration, "--connect-timeout", "20", "osd", "new", osd)
        run(program("ceph-osd", "ceph-osd"), "-c", self.configuration, "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.osd.start()

    def stop(self) -> None:
        """End all three, gateway first; the folder keeps what is stored."""
        for daemon in (self.rgw, self.osd, self.mon):
            daemon.stop()

    def discard(self) -> None:
        """Kill all three; what was stored is lost, and nothing is written for it."""
        for daemon in (self.rgw, self.osd, self.mon):
            daemon.discard()

    def start_rgw(self) -> None:
        """Start radosgw where it is down, and wait until it takes requests."""
        if not self.rgw.alive:
            self.rgw.start().wait_ready(lambda: listening(self.s3_port), seconds=120)

    def kill_rgw(self) -> None:
        """SIGKILL radosgw, as in a crash."""
        self.rgw.kill()

    def restart_rgw(self) -> None:
        """End radosgw in order and start it again: what the runbook says of a queue that hangs."""
        self.rgw.stop()
        self.start_rgw()

    def radosgw_admin(self, *arguments: str) -> Any:
        """What `radosgw-admin` answers, read from its JSON."""
        return json.loads(run(program("radosgw-admin", "radosgw"), "-c", self.configuration, *arguments))

    def new_account(self, name: str) -> Account:
        """A further user, who may make buckets and sees no other user's."""
        account = Account(name, secrets.token_hex(16))
        self._create_user(account)
        return account

    def empty(self, bucket: str) -> None:
        """Delete what is in a bucket, with all versions. The bucket stays: to remove it would wait after `kill_rgw`."""
        s3 = self.s3()
        for found in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            entries = found.get("Versions", []) + found.get("DeleteMarkers", [])
            objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
            if objects:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})

    def _create_user(self, account: Account) -> None:
        keys = ("--access-key", account.access_key, "--secret-key", account.secret_key)
        name = account.access_key
        self.radosgw_admin("user", "create", "--uid", name, "--display-name", name, *keys)

    def s3(self, account: Account | None = None) -> Any:
        """A boto3 client of S3 that tries each request once."""
        return self._client("s3", account or self.account)

    def sns(self, account: Account | None = None) -> Any:
        """A boto3 client of SNS, by which RGW's topics are made."""
        return self._client("sns", account or self.account)

    def _client(self, service: str, account: Account) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=account.access_key,
            aws_secret_access_key=account.secret_key,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60),
        )

    def subscribe(self, bucket: str, endpoint: str, *, persistent: bool = True, suffix: str = "") -> str:
        """Have what is created in `bucket` pushed to the URL `endpoint`; returns the topic's ARN.

        `persistent`: RGW answers the PUT at once and keeps the event until `endpoint` takes it. Otherwise it is sent
        within the PUT, once, and lost where `endpoint` does not take it. `suffix` of the keys: case matters.
        """
        name = self._topics.pop() if persistent and self._topics else f"of-{bucket}"
        arn = self._create_topic(name, endpoint, persistent=persistent)
        topic: dict[str, Any] = {"Id": bucket, "TopicArn": arn, "Events": ["s3:ObjectCreated:*"]}
        if suffix:
            topic["Filter"] = {"Key": {"FilterRules": [{"Name": "suffix", "Value": suffix}]}}
        self.s3().put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"TopicConfigurations": [topic]}
        )
        return arn

    def _create_topic(self, name: str, endpoint: str, *, persistent: bool) -> str:
        attributes = {"push-endpoint": endpoint, "persistent": str(persistent).lower()}
        return str(self.sns().create_topic(Name=name, Attributes=attributes)["TopicArn"])
