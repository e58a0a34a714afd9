"""Corpora: where labelled statements come from, declared as data, read into one typed form.

A source is described by a YAML file (see ``Descriptor``), shipped here or written by a researcher;
no code is needed for a new one.
"""

from hatespeech_no.corpora.catalogue import corpus_names, find_descriptor
from hatespeech_no.corpora.dataset import statement_from_row
from hatespeech_no.corpora.descriptor import Descriptor
from hatespeech_no.corpora.load import load_corpus

__all__ = ["Descriptor", "corpus_names", "find_descriptor", "load_corpus", "statement_from_row"]
