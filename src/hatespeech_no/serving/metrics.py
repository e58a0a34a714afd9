"""Counts for Prometheus: how much was asked and answered, never what."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from hatespeech_no.taxonomy import Tier

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Metrics:
    """The counts of one app."""

    def __init__(self, versions: Mapping[str, str]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "hatespeech_no_requests", "Requests by path and HTTP status.", ["path", "status"], registry=self.registry
        )
        self.texts = Counter(
            "hatespeech_no_texts",
            "Texts by the tier the model gave; no measure of how many there are, see hatespeech-no map.",
            ["tier"],
            registry=self.registry,
        )
        for tier in Tier:
            self.texts.labels(tier)
        self.seconds = Histogram(
            "hatespeech_no_scoring_seconds",
            "Time a request was scored, without its wait.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.waiting = Gauge("hatespeech_no_waiting", "Requests that wait to be scored.", registry=self.registry)
        Info("hatespeech_no_model", "What scores.", registry=self.registry).info(dict(versions))
