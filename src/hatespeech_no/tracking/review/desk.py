"""Readers' desks on MLflow's review queues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hatespeech_no.review.desk import Answer, Item, Question, Round
from hatespeech_no.tracking.review.places import Place, Places
from hatespeech_no.tracking.review.readers import Readers
from hatespeech_no.tracking.review.store import ReviewStore
from hatespeech_no.tracking.review.traces import item_of, span, trace_id


class MlflowDesk:
    """Puts items on MLflow's review queues and brings answers back; see ``review.desk.Desk``.

    Args:
        folder: of the review store.
        key: of the digests of what was shown.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self.store = ReviewStore(folder)
        self.readers = Readers(self.store)
        self.places = Places(self.store, self.readers)
        self._key = key

    def push(
        self,
        queue: str,
        reader: str,
        round: Round,
        items: Sequence[Item],
        questions: Sequence[Question],
        progress: Callable[[int], None] = lambda done: None,
    ) -> int:
        """See ``Desk``. What a reader has already been given in this round stays as it was, and in its queue.

        Raises:
            HatespeechError: there is no such reader, or the store cannot be written.
        """
        self.readers.check(reader)
        wanted = {trace_id(reader, round, item.id): item for item in items}
        with self.store.telling():
            place = self.places.of(reader, round, questions)
            stored = before = self._stored(wanted)
            for _ in range(2):
                if missing := [span(trace, item) for trace, item in wanted.items() if trace not in stored]:
                    self.store.mlflow.log_spans(place.experiment, missing)
                    stored = self._stored(wanted)
            queued = {trace for trace in before if self._is_queued(before[trace])}
            if waiting := [trace for trace in stored if trace not in queued]:
                mine = self.places.queue(place, queue)
                self.store.mlflow.add_items_to_review_queue(mine, item_ids=waiting)
                queued |= {entry.item_id for entry in self.places.entries(mine)}
            shown = {trace: self._shown(stored[trace]) for trace in queued & stored.keys()}
        progress(len(items))
        return sum(digest == wanted[trace].shown(self._key) for trace, digest in shown.items())

    def pull(self) -> Iterator[Answer]:
        """See ``Desk``. What was declined, or is marked as done without an answer, comes without values."""
        with self.store.telling():
            for place in self.places.all():
                for queue in self.places.queues(place):
                    entries = self.places.entries(queue.queue_id)
                    done = {entry.item_id: entry for entry in entries if entry.completed_by}
                    for trace in self._stored(done).values():
                        yield from self._answers(place, trace, done[trace.info.trace_id])

    def erase(self, items: Collection[str]) -> None:
        """See ``Desk``. The answers go with the texts, and nothing of either stays in the file.

        Raises:
            HatespeechError: something stayed.
        """
        with self.store.telling():
            rounds = {(place.reader, place.round) for place in self.places.all()}
            self.store.delete([trace_id(reader, round_, item) for reader, round_ in sorted(rounds) for item in items])

    def _stored(self, wanted: Collection[str]) -> dict[str, Any]:
        """Those of the wanted traces that are stored, by id."""
        traces = self.store.mlflow.batch_get_traces(list(wanted))
        return {trace.info.trace_id: trace for trace in traces if trace.data.spans}

    def _is_queued(self, trace: Any) -> bool:  # noqa: ANN401 - MLflow is untyped
        queues = self.store.mlflow.list_review_queues(trace.info.experiment_id, item_id=trace.info.trace_id)
        return any(not queue.created_by for queue in queues)

    def _shown(self, trace: Any) -> str:  # noqa: ANN401 - MLflow is untyped
        """Digest of what the page shows; empty = not what was put there."""
        item, untouched = item_of(trace)
        return item.shown(self._key) if untouched else ""

    def _answers(self, place: Place, trace: Any, entry: Any) -> Iterator[Answer]:  # noqa: ANN401 - MLflow is untyped
        """One answer for each name in which somebody answered; whether it is theirs is for others to check."""
        given: dict[str, list[Any]] = defaultdict(list)
        for assessment in sorted(trace.info.assessments, key=lambda each: each.last_update_time_ms):
            if assessment.valid is not False:
                given[assessment.source.source_id].append(assessment)
        if entry.status != "complete" or not given:
            given = {entry.completed_by: []}
        for reader, assessments in given.items():
            latest = {assessment.name: assessment for assessment in assessments}
            named = [place.named(title, assessment.value) for title, assessment in latest.items()]
            reasons = [assessment.rationale for assessment in latest.values() if assessment.rationale]
            yield Answer(
                item=item_of(trace)[0].id,
                reader=reader,
                completed_by=entry.completed_by,
                round=place.round,
                values={name: chosen for name, chosen in named if chosen},
                reason="\n".join(reasons) or None,
                at=datetime.fromtimestamp(entry.completed_time_ms / 1000, UTC),
                shown=self._shown(trace),
            )
