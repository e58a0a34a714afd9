"""Whether a model treats groups, grounds and forms of Norwegian alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hatespeech_no.errors import require
from hatespeech_no.evaluation.answers import (
    TABLE,
    Answers,
    linked_clusters,
    served_suites,
    statements_of,
    table_row,
)
from hatespeech_no.evaluation.audit_words import WORDS, slice_label
from hatespeech_no.evaluation.figures import BLUE, ORANGE, save_figure
from hatespeech_no.evaluation.labels import label_columns
from hatespeech_no.evaluation.metrics import (
    ALARM_RATE,
    AUROC,
    FEWEST,
    MACRO_F1,
    Estimate,
    Floats,
    estimate,
    interval,
    resample_weights,
)
from hatespeech_no.evaluation.tiers import known_tiers
from hatespeech_no.scoring import Classifier
from hatespeech_no.taxonomy import Conduct, Ground, Lang, Tier

if TYPE_CHECKING:
    from datasets import Dataset
    from matplotlib.axes import Axes

_Draw = Callable[[NDArray[np.int64]], Floats]
_Found = Iterator[tuple[str, str, str, Estimate]]
_DIALECT = "dialect"


@dataclass(frozen=True)
class _Cases:
    """Labels and answers of the n cases of a suite, each of shape (n,).

    Attributes:
        hateful: label, NaN = unknown.
        tier: rank of the labelled tier, -1 = unknown.
        harmless: whether it is labelled neither hateful nor abusive, and without any conduct.
        group: name of the group attacked or mentioned, or ``None``.
        family: template and language; ``None`` where there is no template.
        variety: ``nb``, ``nn``, ``dialect`` or another language.
        twin: of the same content in other languages, or ``None``.
        clusters: what is resampled together.
        grounds: of each group: those of most of the attacks on it.
        answers: of the model.
    """

    hateful: Floats
    tier: NDArray[np.int64]
    harmless: NDArray[np.bool_]
    group: NDArray[np.object_]
    family: list[tuple[str, str | None] | None]
    variety: NDArray[np.object_]
    twin: NDArray[np.object_]
    clusters: NDArray[np.int64]
    grounds: dict[str, frozenset[Ground]]
    answers: Answers

    @classmethod
    def of(cls, classifier: Classifier, dataset: Dataset) -> Self:
        labels, conduct = label_columns(dataset)
        none_alone = conduct[:, Conduct.NONE.severity] & (conduct.sum(axis=1) == 1)
        attacked = pd.DataFrame({ground: labels[f"ground_{ground}"] == 1 for ground in Ground})
        attacked = attacked.assign(group=dataset["group"][:])[attacked.any(axis=1)]
        shares = attacked.groupby("group").mean()

        def column(name: str) -> list[str | None]:
            return dataset[name][:] if name in dataset.column_names else [None] * len(dataset)

        dialect = [(name or "").startswith(_DIALECT) for name in column("function")]
        return cls(
            hateful=labels["hateful"].astype(np.float64),
            tier=known_tiers(dataset),
            harmless=(labels["hateful"] == 0) & (labels["abusive"] != 1) & none_alone,
            group=np.array(column("group"), dtype=object),
            family=[(t, code) if t else None for t, code in zip(column("template"), column("language"), strict=True)],
            variety=np.where(dialect, _DIALECT, np.array(column("language"), dtype=object)),
            twin=np.array(column("twin"), dtype=object),
            clusters=linked_clusters(dataset),
            grounds={str(g): frozenset(Ground(x) for x in row.index[row > 0.5]) for g, row in shares.iterrows()},
            answers=Answers.of(classifier, statements_of(dataset)),
        )

    def at(self, rows: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
        """Label, p and decision of some cases, as a ``Metric`` takes them."""
        return self.hateful[rows], self.answers.p[rows], self.answers.hateful[rows]

    def subgroups(self) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """The cases about each group, and about the groups with each ground."""
        for group in sorted(set(self.group) - {None}):
            yield f"group_{group}", self.group == group
        for ground in Ground:
            yield f"ground_{ground}", np.array([ground in self.grounds.get(g, ()) for g in self.group], dtype=bool)


def evaluate_fairness(
    classifier: Classifier, suites: Mapping[str, Dataset], *, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """How answers differ by group, by ground and between forms of Norwegian.

    Args:
        classifier: the model at its operating point.
        suites: labelled rows by name; those without a column ``group`` are passed over, rows in a
            language that the model does not serve are left out.
        resamples: of the bootstrap; see ``linked_clusters`` for what is drawn together.
        seed: of the bootstrap.

    Returns:
        Columns ``TABLE``; what rests on fewer than ``FEWEST`` cases is left out.

        Slices ``group_<name>`` (attacked or mentioned) and ``ground_<id>`` (any group with that ground) have
        ``subgroup_auc``, ``bpsn_auc`` and ``bnsp_auc``, 0 to 1, of Borkan et al. (2019, "Nuanced metrics for measuring
        unintended bias"): background positive, subgroup negative is low where harmless cases about the group score as
        high as hatred of others; background negative, subgroup positive where hatred of it scores as low as
        harmless cases about others. ``false_alarms`` is the share of harmless mentions (not hateful, not abusive,
        no conduct) that is called hateful or, as element ``tier``, possibly punishable.

        Slices ``all`` and ``ground_<id>`` have what a swap of groups within a template changes: ``swap_changed``,
        the share of decisions or tiers, and ``swap_shift``, the mean absolute difference of p. Groups are swapped
        that have the same grounds, or where the labels of both cases agree. Templates count alike, n is their number.

        Slices ``nn-nb`` and ``dialect-nb`` have ``macro_f1_difference`` from Bokmål, over twins alone where there
        are any, else over other content. Dialect are the cases of functions named so.

    Raises:
        HatespeechError: the model does not answer whether a text is hateful.
    """
    draw = partial(resample_weights, resamples=resamples, seed=seed)
    rows = []
    for suite, dataset in served_suites(classifier, suites, "group").items():
        cases = _Cases.of(classifier, dataset)
        for part in (_subgroup_figures, _swaps, _parity):
            rows += [table_row(suite, *found) for found in part(cases, draw)]
    return pd.DataFrame(rows, columns=list(TABLE))


def _subgroup_figures(cases: _Cases, draw: _Draw) -> _Found:
    positive, negative, answers = cases.hateful == 1, cases.hateful == 0, cases.answers
    possibly_punishable = (answers.tier == Tier.ACTIONABLE.rank).astype(np.float64)
    for name, members in cases.subgroups():
        for metric, chosen in (
            ("subgroup_auc", members & (positive | negative)),
            ("bpsn_auc", np.where(members, negative, positive)),
            ("bnsp_auc", np.where(members, positive, negative)),
        ):
            if members.any() and AUROC.enough(cases.hateful[chosen]):
                yield name, "hateful", metric, estimate(AUROC, *cases.at(chosen), draw(cases.clusters[chosen]))
        chosen = members & cases.harmless
        if chosen.sum() >= FEWEST:
            weights = draw(cases.clusters[chosen])
            label, p, called_hateful = cases.at(chosen)
            for element, flagged in (("hateful", called_hateful), ("tier", possibly_punishable[chosen])):
                yield name, element, "false_alarms", estimate(ALARM_RATE, label, p, flagged, weights)


def _swaps(cases: _Cases, draw: _Draw) -> _Found:
    families: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for i, family in enumerate(cases.family):
        if family is not None and cases.group[i] in cases.grounds:
            families[family].append(i)
    # A template that was filled more than once with a group differs in more than the group.
    clean = [rows for rows in families.values() if len(set(cases.group[rows])) == len(rows)]
    pairs = [(number, *pair) for number, rows in enumerate(clean) for pair in combinations(rows, 2)]
    if not pairs:
        return
    family, a, b = np.array(pairs).T
    answers = cases.answers
    grounds = [cases.grounds.get(group, frozenset()) for group in cases.group]
    shared = [grounds[i] & grounds[j] for i, j in zip(a, b, strict=True)]
    same = np.array([grounds[i] == grounds[j] for i, j in zip(a, b, strict=True)])
    by_label = same | (cases.hateful[a] == cases.hateful[b])
    by_tier = same | ((cases.tier[a] == cases.tier[b]) & (cases.tier[a] >= 0))
    figures = (
        ("hateful", "swap_changed", by_label, answers.hateful[a] != answers.hateful[b]),
        ("hateful", "swap_shift", by_label, np.abs(answers.p[a] - answers.p[b])),
        ("tier", "swap_changed", by_tier, answers.tier[a] != answers.tier[b]),
    )
    slices = {"all": np.ones(len(a), bool)}
    slices |= {f"ground_{ground}": np.array([ground in both for both in shared]) for ground in Ground}
    first = np.array([rows[0] for rows in clean])
    for name, chosen in slices.items():
        for element, metric, comparable, changes in figures:
            means = pd.Series(changes[chosen & comparable]).groupby(family[chosen & comparable]).mean()
            if len(means) >= FEWEST:
                weights = draw(cases.clusters[first[means.index]])
                yield name, element, metric, interval(weights @ means / weights.sum(axis=1), len(means))


def _parity(cases: _Cases, draw: _Draw) -> _Found:
    for other in ("nn", _DIALECT):
        mine, bokmaal = ((cases.variety == name) & ~np.isnan(cases.hateful) for name in (other, "nb"))
        twins = set(cases.twin[mine]) & set(cases.twin[bokmaal]) - {None}
        if twins:
            paired = np.array([twin in twins for twin in cases.twin])
            mine, bokmaal = mine & paired, bokmaal & paired
        if all(MACRO_F1.enough(cases.hateful[rows]) for rows in (mine, bokmaal)):
            both = mine | bokmaal
            weights = draw(cases.clusters[both])
            scores = [MACRO_F1.compute(*cases.at(rows), weights[:, rows[both]]) for rows in (mine, bokmaal)]
            yield f"{other}-nb", "hateful", "macro_f1_difference", interval(scores[0] - scores[1], int(both.sum()))


_PANELS = {
    "auc": (("hateful", "subgroup_auc"), ("hateful", "bpsn_auc"), ("hateful", "bnsp_auc")),
    "false_alarms": (("hateful", "false_alarms"), ("tier", "false_alarms")),
}
"""Element and measures of each panel."""
_COLOURS = (BLUE, ORANGE, "#5a8a3c")


def draw_fairness(table: pd.DataFrame, path: Path, lang: Lang) -> None:
    """Draw AUCs and false alarms per group and ground, two panels per suite.

    Args:
        table: of ``evaluate_fairness``; nothing is drawn where it has no group.
        path: the PNG file.
        lang: of the words in it.
    """
    drawn = [key for panel in _PANELS.values() for key in panel]
    of_groups = table[pd.MultiIndex.from_frame(table[["element", "metric"]]).isin(drawn)]
    suites = dict(iter(of_groups.groupby("suite", sort=False)))
    if not suites:
        return
    require("matplotlib", "train").use("Agg")
    import matplotlib.pyplot as plt

    words = WORDS[lang]
    heights = [1 + 0.22 * rows["slice"].nunique() for rows in suites.values()]
    figure, grid = plt.subplots(
        len(suites), 2, figsize=(11, 0.6 + sum(heights)), height_ratios=heights, layout="constrained", squeeze=False
    )
    for line, (suite, rows) in zip(grid, suites.items(), strict=True):
        order = list(dict.fromkeys(rows["slice"]))
        for axes, (title, metrics) in zip(line, _PANELS.items(), strict=True):
            axes.set_title(f"{suite}: {words[title]}", fontsize=9, pad=16)
            _dots(axes, rows, order, metrics, lang)
        line[1].tick_params(labelleft=False)
    figure.suptitle(words["fairness_figure"], fontsize=10)
    save_figure(figure, path, lang)


def _dots(axes: Axes, rows: pd.DataFrame, order: list[str], metrics: tuple[tuple[str, str], ...], lang: Lang) -> None:
    for i, (element, metric) in enumerate(metrics):
        label = WORDS[lang][f"{element}_{metric}"]
        mine = rows[(rows["element"] == element) & (rows["metric"] == metric)]
        y = np.array([order.index(name) for name in mine["slice"]]) + 0.22 * (i - (len(metrics) - 1) / 2)
        errors = [mine["value"] - mine["lo"], mine["hi"] - mine["value"]]
        axes.errorbar(
            mine["value"], y, xerr=errors, fmt="o", markersize=3, elinewidth=1, color=_COLOURS[i], label=label
        )
    axes.set_yticks(range(len(order)), [slice_label(name, lang) for name in order], fontsize=8)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.tick_params(axis="x", labelsize=7)
    axes.legend(fontsize=7, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)
