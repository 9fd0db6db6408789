"""Uploaded files in a store that speaks S3, for servers on several hosts. django-storages does the work.

Its errors become ``OSError``, as of any other storage, and a file is read as it comes: the storage's own files are
loaded as a whole before their first byte is read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, override

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

#: Seconds until a silent store counts as failed, and how often a request is made.
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"})


class FilesInS3(S3Storage):
    """Django's storage ``files`` in a bucket."""

    @override
    def get_default_settings(self) -> dict[str, Any]:
        return dict(super().get_default_settings()) | {"client_config": _CONFIG, "default_acl": None}

    @override
    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        key = self._normalize_name(clean_name(name))
        with _as_os_error(name):
            found = self.bucket.Object(key).get()
        file: File[bytes] = File(found["Body"], name)
        file.size = found["ContentLength"]
        return file

    @override
    def _save(self, name: str, content: Any) -> str:
        with _as_os_error(name):
            return str(super()._save(name, content))

    @override
    def delete(self, name: str) -> None:
        with _as_os_error(name):
            super().delete(name)


@contextmanager
def _as_os_error(name: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
            raise FileNotFoundError(f"The store has no file {name}.") from error
        raise OSError(f"The store refused {name}: {error}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise OSError(f"The store cannot be used: {error}") from error
