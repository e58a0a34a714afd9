"""Where readers read: an experiment for each reader and round, which nobody else may open."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hatespeech_no.review.desk import Question, Round
from hatespeech_no.tracking.review.readers import Readers
from hatespeech_no.tracking.review.store import ReviewStore

_PLACE = "place."
_PAGE = 1000


@dataclass(frozen=True)
class Place:
    """An experiment: whose it is, in which round, and what is asked there.

    Attributes:
        experiment: its id.
        reader: who may open it.
        round: see ``review.desk.Round``.
        asked: name of each question and its options, by what is read: its title, the option's label.
    """

    experiment: str
    reader: str
    round: Round
    asked: Mapping[str, tuple[str, Mapping[str, str]]]

    def named(self, title: str, value: Any) -> tuple[str, tuple[str, ...]]:  # noqa: ANN401 - any JSON
        """A question and what was chosen, by their names; what was never asked stays as it came."""
        name, options = self.asked.get(title, (title, {}))
        chosen = value if isinstance(value, list) else [value]
        return name, tuple(options.get(str(label), str(label)) for label in chosen if label is not None)


@dataclass(frozen=True)
class Places:
    """The places of a review store.

    Attributes:
        store: it.
        readers: its accounts.
    """

    store: ReviewStore
    readers: Readers

    def all(self) -> list[Place]:
        """In the order in which they were made."""
        kept = [json.loads(value) for name, value in self.store.records.items() if name.startswith(_PLACE)]
        return sorted((Place(**value) for value in kept), key=lambda place: int(place.experiment))

    def of(self, reader: str, round_: Round, questions: Sequence[Question]) -> Place:
        """The place where a reader is asked these questions in this round, made if there is none."""
        asked = {q.title: (q.name, {label: name for name, label in q.options.items()}) for q in questions}
        digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:6]
        name = f"{reader}-{round_}-{digest}"
        if kept := self.store.records.get(_PLACE + name):
            return Place(**json.loads(kept))
        experiment = self.store.experiment(name)
        self._ask(experiment, questions)
        self.readers.admit(reader, experiment)
        place = Place(experiment, reader, round_, asked)
        self.store.record(_PLACE + name, json.dumps(vars(place), ensure_ascii=False))
        return place

    def add_reader(self, name: str) -> str:
        """Make an account, also anew, and return its password; see ``Readers.add``."""
        password = self.readers.add(name)
        with self.store.telling():
            for place in self.all():
                if place.reader == name:
                    self.readers.admit(name, place.experiment)
        return password

    def queues(self, place: Place) -> list[Any]:
        """The queues that were put there; one that has an owner was made by the reader."""
        return [queue for queue in _all(self.store.mlflow.list_review_queues, place.experiment) if not queue.created_by]

    def queue(self, place: Place, name: str) -> str:
        """The id of a queue, made if there is none."""
        for queue in self.queues(place):
            if queue.name == name:
                return str(queue.queue_id)
        schemas = self.store.mlflow.list_label_schemas(place.experiment)
        asked = [schema.schema_id for schema in schemas if schema.name in place.asked]
        made = self.store.mlflow.create_review_queue(
            place.experiment, name=name, queue_type="custom", users=[place.reader], schema_ids=asked
        )
        return str(made.queue_id)

    def entries(self, queue: str) -> list[Any]:
        """What lies in a queue, done or not."""
        return _all(self.store.mlflow.list_review_queue_items, queue)

    def waiting(self, place: Place) -> int:
        """How many items wait at a place."""
        entries = [entry for queue in self.queues(place) for entry in self.entries(queue.queue_id)]
        return sum(entry.completed_by is None for entry in entries)

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


def _all(listing: Callable[..., Any], of: str) -> list[Any]:
    """All rows of a listing that comes in pages."""
    page = listing(of, max_results=_PAGE)
    rows = list(page)
    while page.token:
        page = listing(of, max_results=_PAGE, page_token=page.token)
        rows += page
    return rows
