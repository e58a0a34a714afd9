"""Files and folders wherever Spark reaches: on this machine, in HDFS, in an object store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Place:
    """A file or folder, through the file systems that Spark is set up for.

    Args:
        spark: the session.
        address: a path, which Spark's default file system holds if it names none, or ``hdfs://…``, ``s3a://…``.

    Attributes:
        address: the whole of it.
    """

    def __init__(self, spark: SparkSession, address: str) -> None:
        self._path_of = spark._jvm.org.apache.hadoop.fs.Path
        path = self._path_of(address)
        self._files = path.getFileSystem(spark._jsc.hadoopConfiguration())
        self._path = self._files.makeQualified(path)
        self.address = str(self._path.toString())

    @property
    def is_folder(self) -> bool:
        """Whether there is a folder."""
        return bool(self._files.exists(self._path) and self._files.getFileStatus(self._path).isDirectory())

    def names(self) -> list[str]:
        """What is in the folder, or the file's own name; empty if there is neither. Hidden files do not count."""
        if not self._files.exists(self._path):
            return []
        found = (status.getPath().getName() for status in self._files.listStatus(self._path))
        return [name for name in found if not name.startswith(".")]

    def write(self, name: str, text: str) -> None:
        """Write a text file in the folder, in place of one of that name."""
        stream = self._files.create(self._path_of(self._path, name), True)
        try:
            stream.write(text.encode())
        finally:
            stream.close()

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        self._files.delete(self._path, True)
