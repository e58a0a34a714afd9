"""From elements and circumstances to a tier, by rules a lawyer can read. Knows no model."""

from hatespeech_no.triage.engine import Engine, Finding, gravest, triage, triage_statement
from hatespeech_no.triage.rules import RuleSet, load_rules

__all__ = ["Engine", "Finding", "RuleSet", "gravest", "load_rules", "triage", "triage_statement"]
