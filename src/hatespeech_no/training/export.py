"""From a fine-tuned bundle to one that runs without torch, and by how much the two differ."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.bundle import Bundle
from hatespeech_no.corpora import statement_from_row
from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.labels import inputs_of, label_columns
from hatespeech_no.evaluation.metrics import MACRO_F1
from hatespeech_no.models.elements import Probabilities
from hatespeech_no.models.encoder import EncoderModel
from hatespeech_no.models.onnx_export import Precision
from hatespeech_no.models.onnx_export import export as export_model
from hatespeech_no.scoring import Classifier

if TYPE_CHECKING:
    from datasets import Dataset

_MOST_LOST = 0.005
_SINGLE = 200


@dataclass(frozen=True)
class Parity:
    """How an exported model compares with its original on labelled texts.

    Attributes:
        rows: texts compared.
        largest, percentile_99: difference between probabilities of one element, 0 to 1.
        tier_flips: share of texts that get another tier.
        before, after: macro-F1 of ``hateful``.
        batch_effect: largest difference between a text scored alone and in a batch, over 200 texts.
        megabytes: size of the exported bundle.
    """

    rows: int
    largest: float
    percentile_99: float
    tier_flips: float
    before: float
    after: float
    batch_effect: float
    megabytes: float


def export(source: Bundle, target: Path, precision: Precision, rows: Dataset, languages: Sequence[str] = ()) -> Parity:
    """Export a fine-tuned model and compare it with its original.

    Args:
        source: a bundle of the family ``encoder``.
        target: folder of the new bundle.
        precision: see ``models.onnx_export.export``.
        rows: labelled texts that the model has not learned from.
        languages: the new bundle serves only these, and is smaller; default all that the model serves.

    Raises:
        HatespeechError: another family, or no text is in those languages; or the export loses more than half
            a point of macro-F1, then nothing is written.
    """
    if not isinstance(source.model, EncoderModel):
        raise HatespeechError(f"a bundle of the family {source.manifest.family!r} needs no export; only encoder does")
    model, serves = source.model, source.manifest.languages
    if languages:
        model, serves = model.serving(languages), [code for code in serves if code in _codes(languages)]
        rows = rows.filter(lambda code: code in languages, input_columns="language")
        if not len(rows):
            raise HatespeechError(
                f"no text to compare on is in a language that is to be served ({', '.join(languages)})"
            )
    with tempfile.TemporaryDirectory() as folder:
        small = export_model(model, Path(folder), precision)
        changes = {"family": small.family, "languages": serves, "files": {}, "settings": {}}
        manifest = source.manifest.model_copy(update=changes)
        exported = Bundle(manifest, small)
        one, two = Classifier(source), Classifier(exported)
        inputs = inputs_of(rows)
        first, second = one.probabilities(inputs), two.probabilities(inputs)
        alone = np.concatenate([_table(two.probabilities([given])) for given in inputs[:_SINGLE]])
        difference = np.abs(_table(first) - _table(second))
        statements = [statement_from_row(row) for row in rows]
        tiers = [[assessment.tier for assessment in c.score(statements)] for c in (one, two)]
        before, after = (_macro_f1(p, rows, source.manifest.thresholds.get("hateful", 0.5)) for p in (first, second))
        if before - after > _MOST_LOST:
            raise HatespeechError(
                f"{precision} loses {100 * (before - after):.1f} points of macro-F1 ({before:.3f} to {after:.3f}); "
                "nothing was written"
            )
        exported.save(target)
    return Parity(
        rows=len(rows),
        largest=float(difference.max()),
        percentile_99=float(np.quantile(difference, 0.99)),
        tier_flips=float(np.mean([a != b for a, b in zip(*tiers, strict=True)])),
        before=before,
        after=after,
        batch_effect=float(np.abs(alone - _table(second)[: len(alone)]).max()),
        megabytes=sum(path.stat().st_size for path in target.iterdir()) / 1e6,
    )


def _codes(languages: Sequence[str]) -> set[str]:
    """With that of Norwegian in either form."""
    return {*languages, *({"no"} if {"nb", "nn"} & set(languages) else ())}


def _table(probabilities: Probabilities) -> NDArray[np.float32]:
    return probabilities.yes if probabilities.conduct is None else np.hstack([probabilities.yes, probabilities.conduct])


def _macro_f1(probabilities: Probabilities, rows: Dataset, threshold: float) -> float:
    label, p = label_columns(rows)[0]["hateful"], probabilities.of("hateful")
    if p is None:
        raise HatespeechError("the model does not answer 'hateful', so that nothing can be compared")
    known = ~np.isnan(label)
    if len(np.unique(label[known])) < 2:
        raise HatespeechError("the texts to compare on are not labelled for 'hateful', yes and no")
    decision = (p[known] >= threshold).astype(np.float64)
    weights = np.ones((1, int(known.sum())))
    return float(MACRO_F1.compute(label[known].astype(np.float64), p[known].astype(np.float64), decision, weights)[0])
