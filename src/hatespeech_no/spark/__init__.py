"""The same assessments on a Spark cluster: rows of any number, scored by many machines at a time."""

from hatespeech_no.spark.scoring import REJECTS, score_table
from hatespeech_no.spark.session import spark_session

__all__ = ["REJECTS", "score_table", "spark_session"]
