"""The environment of a stage in tests: an object store, a database, a broker, and keys in files."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.samples import KEYS


def stage_environment(
    folder: Path,
    *,
    s3: str,
    bucket: str,
    database_url: str = "",
    bootstrap: str = "",
    account: tuple[str, str] = ("access", "secret"),
    **more: str,
) -> dict[str, str]:
    """Variables for one stage; secrets are written to files in `folder`, `more` are names without MEDPATTERN_.

    account: the object store's access key and secret key.
    """
    (folder / "s3").mkdir(exist_ok=True)
    secrets = {
        "s3/AWS_ACCESS_KEY_ID": account[0],
        "s3/AWS_SECRET_ACCESS_KEY": account[1],
        "database": database_url,
        "identity": KEYS.identity.decode(),
        "pseudonym": KEYS.pseudonym.decode(),
    }
    for name, content in secrets.items():
        (folder / name).write_text(content, encoding="utf-8")
    found = {
        "MEDPATTERN_S3_ENDPOINT": s3,
        "MEDPATTERN_S3_CREDENTIALS": str(folder / "s3"),
        "MEDPATTERN_SOURCE_BUCKET": bucket,
        "MEDPATTERN_KAFKA_BOOTSTRAP": bootstrap,
        "MEDPATTERN_DATABASE_URL_FILE": str(folder / "database"),
        "MEDPATTERN_IDENTITY_KEY_FILE": str(folder / "identity"),
        "MEDPATTERN_PSEUDONYM_KEY_FILE": str(folder / "pseudonym"),
    }
    return found | {f"MEDPATTERN_{name}": value for name, value in more.items()}
