"""How a review stands: progress, agreement, the model against people, and whether anything drifts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import chi2_contingency

from hatespeech_no.evaluation.metrics import Estimate
from hatespeech_no.review.agreement import agreement
from hatespeech_no.review.checks import Fault
from hatespeech_no.review.measures import Missed, differs, missed, precision, proportion
from hatespeech_no.review.pull import reader_id
from hatespeech_no.review.records import Batch, Side
from hatespeech_no.review.rounds import SETTLED, settled, stages_of
from hatespeech_no.review.verdicts import Stage, Verdict
from hatespeech_no.review.workspace import Workspace
from hatespeech_no.taxonomy import Tier


@dataclass(frozen=True)
class Drift:
    """Whether the last differs from what came before; small probabilities say that it does.

    Attributes:
        agreement: of model and people on flagged items, the last week against the weeks before.
        tiers: of what was pushed, the last push against those before.
    """

    agreement: float | None
    tiers: float | None


@dataclass(frozen=True)
class Status:
    """How a review stands.

    Attributes:
        readers: answers given and asked for, by reader.
        stages: items by what they wait for.
        faults: answers put aside.
        agreement: see ``agreement.agreement``.
        precision: see ``measures.precision``; of what is settled, so that it may move while readers differ on some.
        missed: see ``measures.missed``; ``None`` until the audit is settled, since what is grave takes longest.
        weeks: share of flagged items that people give the model's tier, by ISO week of the verdict.
        drift: see ``Drift``.
    """

    readers: dict[str, tuple[int, int]]
    stages: Counter[Stage]
    faults: Counter[Fault]
    agreement: dict[str, Estimate]
    precision: dict[Tier, Estimate]
    missed: Missed | None
    weeks: dict[str, Estimate]
    drift: Drift


def status(workspace: Workspace) -> Status:
    """How a review stands by what was pulled last.

    Raises:
        HatespeechError: nothing has been pushed, or the log was changed.
    """
    readings, sides = workspace.readings(), workspace.sides()
    stages = stages_of(workspace, readings)
    verdicts = settled(readings, stages)
    answered = Counter(reading.reader for mine in readings.values() for reading in mine)
    asked = Counter(one.reader for one in workspace.assignments())
    weeks = _by_week(sides, verdicts)
    audited = {stage for item, stage in stages.items() if sides[item].purpose == "audit"} <= {*SETTLED, Stage.LAPSED}
    return Status(
        readers={reader: (answered[reader_id(reader, workspace.key)], asked[reader]) for reader in sorted(asked)},
        stages=Counter(stages.values()),
        faults=Counter(fault for _, fault, _ in workspace.quarantined()),
        agreement=agreement(readings.values()),
        precision=precision(sides, verdicts),
        missed=missed(workspace.batches, sides, verdicts) if audited else None,
        weeks={week: proportion(sum(same), len(same)) for week, same in weeks.items()},
        drift=Drift(_drift_of_agreement(list(weeks.values())), _drift_of_tiers(workspace.batches)),
    )


def _by_week(sides: Mapping[str, Side], verdicts: Mapping[str, Verdict]) -> dict[str, list[bool]]:
    weeks: dict[str, list[bool]] = defaultdict(list)
    for item, verdict in verdicts.items():
        if sides[item].purpose == "flagged":
            weeks[f"{verdict.at:%G-W%V}"].append(verdict.blind is sides[item].tier)
    return dict(sorted(weeks.items()))


def _drift_of_agreement(weeks: Sequence[Sequence[bool]]) -> float | None:
    if len(weeks) < 2:
        return None
    return differs([same for week in weeks[:-1] for same in week], weeks[-1])


def _drift_of_tiers(batches: Sequence[Batch]) -> float | None:
    if len(batches) < 2:
        return None
    last = [batches[-1].tiers.get(tier, 0) for tier in Tier]
    before = [sum(batch.tiers.get(tier, 0) for batch in batches[:-1]) for tier in Tier]
    counts = [pair for pair in zip(before, last, strict=True) if any(pair)]
    return float(chi2_contingency(counts).pvalue) if len(counts) > 1 and any(last) and any(before) else None
