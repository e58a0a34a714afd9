"""Tables of texts as people really have them: any common format in and out, each bad row named and none lost."""

from hatespeech_no.tables.reading import Table, open_table
from hatespeech_no.tables.rejected import Problem, Rejected
from hatespeech_no.tables.writing import open_writer

__all__ = ["Problem", "Rejected", "Table", "open_table", "open_writer"]
