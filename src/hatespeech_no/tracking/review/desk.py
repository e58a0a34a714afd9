"""Readers' desks on MLflow: one experiment per reader and round, which nobody else may open."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hatespeech_no.review.desk import Answer, Item, Question, Round
from hatespeech_no.tracking.review.readers import Readers
from hatespeech_no.tracking.review.store import ReviewStore
from hatespeech_no.tracking.review.traces import item_of, span, trace_id

_DESK = "desk."
_PAGE = 1000


@dataclass(frozen=True)
class Place:
    """An experiment: what a reader is asked there, and in which round.

    Attributes:
        experiment: its id.
        reader: who may open it.
        round: see ``review.desk.Round``.
        questions: name of each question and its options, by what the reader reads: the title, the option's label.
    """

    experiment: str
    reader: str
    round: Round
    questions: Mapping[str, tuple[str, Mapping[str, str]]]


class MlflowDesk:
    """Puts items on MLflow's review queues and brings answers back; see ``review.desk.Desk``.

    Args:
        folder: of the review store.
        key: of the digests of what was shown.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self.store = ReviewStore(folder)
        self.readers = Readers(self.store)
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
            place = self._place(reader, round, questions)
            before = self._stored(wanted)
            for _ in range(2):
                missing = [span(trace, wanted[trace]) for trace in wanted.keys() - self._stored(wanted).keys()]
                if missing:
                    self.store.mlflow.log_spans(place.experiment, missing)
            stored = self._stored(wanted)
            queued = {trace for trace in before if self._queued(before[trace], trace)}
            if waiting := [trace for trace in stored if trace not in queued]:
                mine = self._queue(place, queue)
                self.store.mlflow.add_items_to_review_queue(mine, item_ids=waiting)
                queued |= {entry.item_id for entry in self._entries(mine)}
        progress(len(items))
        return len(stored.keys() & queued)

    def pull(self) -> Iterator[Answer]:
        """See ``Desk``. An item that somebody declined, or answered in nobody's name, comes without values."""
        with self.store.telling():
            for place in self.places():
                for queue in self._all(self.store.mlflow.list_review_queues, place.experiment):
                    # A queue that has an owner was made by a reader.
                    entries = [] if queue.created_by else self._entries(queue.queue_id)
                    done = {entry.item_id: entry for entry in entries if entry.completed_by}
                    for trace in self.store.mlflow.batch_get_traces(list(done)):
                        yield from self._answers(place, trace, done[trace.info.trace_id])

    def erase(self, items: Collection[str]) -> None:
        """See ``Desk``. The answers go with the texts, and nothing of either stays in the file.

        Raises:
            HatespeechError: something stayed.
        """
        with self.store.telling():
            rounds = {(place.reader, place.round) for place in self.places()}
            traces = [trace_id(reader, round_, item) for reader, round_ in sorted(rounds) for item in items]
            self.store.delete(traces)

    def open_items(self, place: Place) -> int:
        """How many items wait at a place."""
        queues = self._all(self.store.mlflow.list_review_queues, place.experiment)
        entries = [entry for queue in queues for entry in self._entries(queue.queue_id)]
        return sum(entry.completed_by is None for entry in entries)

    def places(self) -> list[Place]:
        """Every reader's experiments, in the order in which they were made."""
        kept = [json.loads(value) for name, value in self.store.records.items() if name.startswith(_DESK)]
        return sorted((Place(**value) for value in kept), key=lambda place: int(place.experiment))

    def _place(self, reader: str, round_: Round, questions: Sequence[Question]) -> Place:
        """The place where a reader is asked these questions in this round, made if there is none."""
        asked = {q.title: (q.name, {label: name for name, label in q.options.items()}) for q in questions}
        digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:6]
        name = f"{reader}-{round_}-{digest}"
        if kept := self.store.records.get(_DESK + name):
            return Place(**json.loads(kept))
        experiment = self.store.experiment(name)
        self._ask(experiment, questions)
        self.readers.admit(reader, experiment)
        place = Place(experiment, reader, round_, asked)
        self.store.record(_DESK + name, json.dumps(vars(place), ensure_ascii=False))
        return place

    def _ask(self, experiment: str, questions: Sequence[Question]) -> None:
        """Make the questions of an experiment; the last one takes the reason."""
        from mlflow.genai.label_schemas import InputCategorical

        made = {schema.name for schema in self.store.mlflow.list_label_schemas(experiment)}
        # The page shows them in reverse order. MLflow loses the reasons of any other type.
        for question in reversed(questions):
            if question.title not in made:
                self.store.mlflow.create_label_schema(
                    experiment,
                    name=question.title,
                    type="feedback",
                    input=InputCategorical(options=list(question.options.values()), multi_select=question.several),
                    enable_comment=question is questions[-1],
                )

    def _queue(self, place: Place, name: str) -> str:
        """The id of a queue, made if there is none."""
        for queue in self._all(self.store.mlflow.list_review_queues, place.experiment):
            if queue.name == name and not queue.created_by:
                return str(queue.queue_id)
        schemas = self.store.mlflow.list_label_schemas(place.experiment)
        asked = [schema.schema_id for schema in schemas if schema.name in place.questions]
        made = self.store.mlflow.create_review_queue(
            place.experiment, name=name, queue_type="custom", users=[place.reader], schema_ids=asked
        )
        return str(made.queue_id)

    def _stored(self, wanted: Mapping[str, Item]) -> dict[str, str]:
        """Those of the wanted traces that are stored whole, and the experiment of each."""
        traces = self.store.mlflow.batch_get_traces(list(wanted))
        return {trace.info.trace_id: trace.info.experiment_id for trace in traces if trace.data.spans}

    def _queued(self, experiment: str, trace: str) -> bool:
        queues = self.store.mlflow.list_review_queues(experiment, item_id=trace)
        return any(not queue.created_by for queue in queues)

    def _entries(self, queue: str) -> list[Any]:
        return self._all(self.store.mlflow.list_review_queue_items, queue)

    def _all(self, pages: Callable[..., Any], of: str) -> list[Any]:
        """All rows of a listing that comes in pages."""
        page = pages(of, max_results=_PAGE)
        rows = list(page)
        while page.token:
            page = pages(of, max_results=_PAGE, page_token=page.token)
            rows += page
        return rows

    def _answers(self, place: Place, trace: Any, entry: Any) -> Iterator[Answer]:  # noqa: ANN401 - MLflow is untyped
        """One answer for each name in which somebody answered; whether it is theirs is for others to check."""
        item, untouched = item_of(trace)
        given: dict[str, list[Any]] = defaultdict(list)
        for assessment in trace.info.assessments:
            if assessment.valid is not False:
                given[assessment.source.source_id].append(assessment)
        if str(entry.status) != "complete" or not given:
            given = {entry.completed_by: []}
        for reader, assessments in given.items():
            latest = {a.name: a for a in sorted(assessments, key=lambda a: a.last_update_time_ms or 0)}
            named = [_named(place, name, assessment.value) for name, assessment in latest.items()]
            reasons = [assessment.rationale for assessment in latest.values() if assessment.rationale]
            yield Answer(
                item=item.id,
                reader=reader,
                completed_by=entry.completed_by,
                round=place.round,
                values={name: chosen for name, chosen in named if chosen},
                reason="\n".join(reasons) or None,
                at=datetime.fromtimestamp(entry.completed_time_ms / 1000, UTC),
                shown=item.shown(self._key) if untouched else "",
            )


def _named(place: Place, title: str, value: Any) -> tuple[str, tuple[str, ...]]:  # noqa: ANN401 - any JSON
    """A question and what was chosen, by the names of the codebook; what was never asked stays as it came."""
    name, options = place.questions.get(title, (title, {}))
    chosen = value if isinstance(value, list) else [value]
    return name, tuple(options.get(str(label), str(label)) for label in chosen if label is not None)
