"""A Spark session for the command line, and Spark's complaints in plain words."""

from __future__ import annotations

import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hatespeech_no.errors import HatespeechError, require

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_OURS = re.compile(r"HatespeechError: (.+)")
_NO_JAVA = (
    "Spark needs Java 17 or newer, and there is none here. Install it (Debian, Ubuntu: apt install "
    "openjdk-17-jre-headless; macOS: brew install openjdk@17; Windows: winget install EclipseAdoptium.Temurin.17.JRE), "
    "or let JAVA_HOME name its folder"
)


def spark_session(master: str | None = None, *, progress: bool = False) -> SparkSession:
    """Begin a Spark session, or take the one that is there, for example that of ``spark-submit``.

    Args:
        master: ``local[2]`` (this machine, two workers), ``spark://…``, ``yarn`` or ``k8s://…``; default
            what ``spark-submit`` was told, or else this machine with a worker per core.
        progress: show Spark's own bar.

    Raises:
        HatespeechError: pyspark or Java is missing, or the session cannot begin.
    """
    sql = require("pyspark.sql", "spark")
    builder = sql.SparkSession.builder.appName("hatespeech-no")
    builder = builder.config("spark.log.level", "FATAL").config("spark.ui.showConsoleProgress", str(progress).lower())
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # not started by spark-submit
        _check_java()
        master = master or "local[*]"
    if master is not None:
        builder = builder.master(master)
        if master.startswith("local"):  # nothing of it is open to other machines
            os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
            # Workers run in this environment, also where it is not the one on the path.
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            builder = builder.config("spark.ui.enabled", "false")
    try:
        with told_plainly():
            return builder.getOrCreate()
    except HatespeechError as error:
        raise HatespeechError(f"{error} Is Java 17 or newer, and does the master answer ({master})?") from error


@contextmanager
def told_plainly() -> Iterator[None]:
    """Raise what Spark complains of as a mistake of one line; warnings that do not concern us are left out.

    Raises:
        HatespeechError: the first line of Spark's message, or a worker's own message of this kind.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        with warnings.catch_warnings():
            # Rows go to and fro as Arrow batches, without pandas.
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
            yield
    except (PySparkException, Py4JError) as error:
        own = _OURS.search(str(error))
        raise HatespeechError(own[1] if own else f"Spark: {str(error).strip().splitlines()[0]}") from error


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=None if home is None else Path(home) / "bin") is None:
        raise HatespeechError(_NO_JAVA)
