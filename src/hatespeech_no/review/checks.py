"""What is checked of every answer before it counts; what fails is put aside with the reason, never lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hatespeech_no.review.desk import Answer, Question
from hatespeech_no.review.questions import ALONE
from hatespeech_no.taxonomy import Named

Place = tuple[str, str, str]
"""Item, reader and round."""


class Fault(Named):
    """Why an answer does not count."""

    UNKNOWN_ITEM = (
        "unknown_item",
        "ytringen ble ikke lagt fram for denne leseren i denne runden",
        "the item was not put before this reader in this round",
    )
    NO_SOURCE = "no_source", "ingen står som avsender av svaret", "nobody is recorded as having given the answer"
    OTHER_SOURCE = (
        "other_source",
        "svaret er levert av en annen enn den det sier",
        "the answer was given by another than it says",
    )
    OTHER_TEXT = (
        "other_text",
        "teksten er en annen enn den som ble lagt fram",
        "the text is not the one that was put forward",
    )
    NO_QUESTION = "no_question", "svarer på noe det ikke ble spurt om", "answers something that was not asked"
    NO_OPTION = "no_option", "et svar er ikke blant alternativene", "an answer is not among the options"
    TOO_MANY = "too_many", "alternativer som utelukker hverandre", "options that exclude each other"
    INCOMPLETE = "incomplete", "ikke alle spørsmål er besvart", "not every question is answered"
    NO_REASON = (
        "no_reason",
        "vurderingen ble endret etter at modellens syn ble vist, uten begrunnelse",
        "the verdict was changed after the model's view was shown, without a reason",
    )
    CHANGED = (
        "changed",
        "var besvart før, på en annen måte; det første svaret står",
        "had been answered before, in another way; the first answer stands",
    )


def fault(answer: Answer, shown: Mapping[Place, str], asked: Sequence[Question]) -> tuple[Fault, str] | None:
    """What is wrong with an answer, and with which question; ``None`` = nothing.

    Args:
        answer: as it came back.
        shown: digest of what was put before whom, see ``Item.shown``.
        asked: the questions.
    """
    place = (answer.item, answer.reader, answer.round)
    if place not in shown:
        return Fault.UNKNOWN_ITEM, ""
    if answer.completed_by != answer.reader:
        return (Fault.OTHER_SOURCE if answer.completed_by else Fault.NO_SOURCE), ""
    if answer.shown != shown[place]:
        return Fault.OTHER_TEXT, ""
    return _fault_of_values(answer.values, asked)


def _fault_of_values(values: Mapping[str, tuple[str, ...]], asked: Sequence[Question]) -> tuple[Fault, str] | None:
    strays = values.keys() - {question.name for question in asked}
    if strays:
        return Fault.NO_QUESTION, min(strays)
    for question in asked:
        chosen = values.get(question.name, ())
        if not question.options.keys() >= set(chosen):
            return Fault.NO_OPTION, question.name
        if len(chosen) > 1 and (not question.several or ALONE & set(chosen)):
            return Fault.TOO_MANY, question.name
    missing = [question.name for question in asked if not values.get(question.name)]
    return (Fault.INCOMPLETE, ", ".join(missing)) if missing else None
