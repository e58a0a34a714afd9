"""A comparison of models in words and as one HTML file, in Norwegian Bokmål and English."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from hatespeech_no.evaluation.compare import ALL, HEADLINES, TIER, Difference, Run
from hatespeech_no.evaluation.figures import draw_gains
from hatespeech_no.evaluation.metrics import MACRO_F1
from hatespeech_no.evaluation.pages import number, page
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.taxonomy import Conduct, Lang, element_label

WORDS: dict[Lang, dict[str, str]] = {
    "nb": {
        "title": "Sammenligning av modeller",
        "baseline": "sammenlignet med",
        "better": "bedre",
        "worse": "dårligere",
        "open": "ikke påvist",
        "is_better": "{other} er bedre enn {baseline} med {gain} ± {half} poeng",
        "is_worse": "{other} er dårligere enn {baseline} med {gain} ± {half} poeng",
        "is_open": "ingen forskjell påvist mellom {other} og {baseline} ({gain} ± {half} poeng)",
        "points": "poeng som B er bedre enn A (hundredeler, med 95 % intervall)",
        "run": "modell",
        "seeds": "frø",
        "verdict": "konklusjon",
        "suite": "testsett",
        "question": "spørsmål",
        "measure": "mål",
        "difference": "forskjell (95 %)",
        "p": "p",
        "p_holm": "p (Holm)",
        "texts": "svar (utelatt)",
        "spread": "sd over frø",
        "settings": "Innstillinger som skiller dem",
        "headlines": "Hovedresultat",
        "rest": "Alle mål",
        "caption": "Forskjell = B − A i hundredeler, med 95 % intervall. Konklusjonen gjelder B. "
        "Bare hovedresultatene (alle språk) er korrigert for hvor mange de er.",
        "main": "Makro-F1 av hatefull og nivå, i alt og etter språk",
        "others": "Makro-F1 av de andre spørsmålene",
        "left_out": "Testsett som bare én av modellene har, og som er utelatt: {suites}.",
        "reading": "Slik leses dette",
        "guide": "Begge modellene er prøvd på de samme tekstene. Intervallet viser hvor mye forskjellen kunne vært en "
        "annen med andre tekster av samme slag (parvis bootstrap av hele klynger av tekster, Berg-Kirkpatrick mfl. "
        "2012). Med flere frø er hver modells tall snittet over frøene som begge har. Hovedresultatene er korrigert "
        "for hvor mange de er (Holm 1979), de øvrige er ikke det: av tjue uten noen forskjell ser i snitt én ut som "
        "en. Et svar er utelatt der bare den ene modellen har det, eller der fasiten er ulik. Poeng er hundredeler av "
        "målet.",
    },
    "en": {
        "title": "Comparison of models",
        "baseline": "compared with",
        "better": "better",
        "worse": "worse",
        "open": "not shown",
        "is_better": "{other} is better than {baseline} by {gain} ± {half} points",
        "is_worse": "{other} is worse than {baseline} by {gain} ± {half} points",
        "is_open": "no difference shown between {other} and {baseline} ({gain} ± {half} points)",
        "points": "points by which B is better than A (hundredths, with 95 % interval)",
        "run": "model",
        "seeds": "seeds",
        "verdict": "verdict",
        "suite": "suite",
        "question": "question",
        "measure": "measure",
        "difference": "difference (95 %)",
        "p": "p",
        "p_holm": "p (Holm)",
        "texts": "answers (left out)",
        "spread": "sd over seeds",
        "settings": "Settings that differ",
        "headlines": "Main results",
        "rest": "All measures",
        "caption": "Difference = B − A in hundredths, with 95 % interval. The verdict is on B. "
        "Only main results (all languages) are corrected for their number.",
        "main": "Macro-F1 of hateful and tier, overall and by language",
        "others": "Macro-F1 of the other questions",
        "left_out": "Suites that only one of the models has, and that are left out: {suites}.",
        "reading": "How to read this",
        "guide": "Both models were tested on the same texts. The interval shows how different the difference could "
        "have been with other texts of the same kind (paired bootstrap of whole clusters of texts, Berg-Kirkpatrick "
        "et al. 2012). With several seeds the figure of a model is the mean over the seeds that both have. Main "
        "results are corrected for how many they are (Holm 1979), the others are not: of twenty without any "
        "difference one looks like one on average. An answer is left out where only one model has it or where the "
        "labels differ. Points are hundredths of the measure.",
    },
}
_LANGUAGES: dict[str, tuple[str, str]] = {
    "nb": ("bokmål", "Bokmål"),
    "nn": ("nynorsk", "Nynorsk"),
    "en": ("engelsk", "English"),
    "da": ("dansk", "Danish"),
    "de": ("tysk", "German"),
    "no": ("norsk", "Norwegian"),
}


def question(found: Difference, lang: Lang) -> str:
    """The name of the element, with the language where it is about one."""
    if found.element == TIER:
        asked = "nivå" if lang == "nb" else "tier"
    elif found.element.startswith("conduct_"):
        conduct = Conduct(found.element.removeprefix("conduct_"))
        asked = f"{element_label('conduct', lang)}: {conduct.label(lang)}"
    else:
        asked = element_label(found.element, lang)
    names = _LANGUAGES.get(found.slice, (found.slice, found.slice))
    return asked if found.slice == ALL else f"{asked} ({names[0 if lang == 'nb' else 1]})"


def verdict(found: Difference, lang: Lang) -> str:
    """``better``, ``worse`` or that no difference is shown, in words."""
    return WORDS[lang]["open" if not found.real else "better" if found.gain > 0 else "worse"]


def sentence(found: Difference, baseline: str, lang: Lang) -> str:
    """What one difference says, with its interval."""
    kind = "is_open" if not found.real else "is_better" if found.gain > 0 else "is_worse"
    gain = found.gain if kind == "is_open" else abs(found.gain)
    said = WORDS[lang][kind].format(
        other=found.run,
        baseline=baseline,
        gain=number(100 * gain, lang, 1, sign=kind == "is_open"),
        half=number(50 * (found.hi - found.lo), lang, 1),
    )
    chance = number(found.p if found.p_holm is None else found.p_holm, lang)
    return f"{found.suite}, {question(found, lang)}, {found.metric.label(lang)}: {said}, p = {chance}."


def difference(found: Difference, lang: Lang) -> str:
    """In hundredths, with the interval."""
    value, lo, hi = (number(100 * end, lang, 1, sign=True) for end in (found.difference, found.lo, found.hi))
    return f"{value} ({lo} {'til' if lang == 'nb' else 'to'} {hi})"


def render(runs: Sequence[Run], differences: Sequence[Difference], lang: Lang) -> str:
    """One HTML page with nothing loaded from elsewhere.

    Args:
        runs: those compared, the baseline first.
        differences: what ``compare`` found.
        lang: of the page.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    suites = [set(run.rows["suite"]) for run in runs]
    return page(
        "report.html.j2",
        words=WORDS[lang],
        lang=lang,
        baseline=runs[0].name,
        runs=runs,
        settings=_settings(runs),
        others=[(run.name, [found for found in differences if found.run == run.name]) for run in runs[1:]],
        left_out=sorted(set.union(*suites) - set.intersection(*suites)),
        figures=_figures,
        sentence=sentence,
        question=question,
        verdict=verdict,
        difference=difference,
        number=number,
        notice=NOTICE[lang],
    )


def _settings(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Settings that are not the same in all runs, with the value in each."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    values = {name: [run.settings.get(name, "–") for run in runs] for name in names}
    return {name: mine for name, mine in values.items() if len(set(mine)) > 1}


def _figures(differences: Sequence[Difference], lang: Lang) -> list[tuple[str, str]]:
    """Title and image (as the address of data) of headlines with languages, and of the elements of each suite."""
    macro = [found for found in differences if found.metric.name == MACRO_F1.name]
    main = sorted(
        (found for found in macro if found.element in HEADLINES), key=lambda found: (found.suite, found.element)
    )
    rest = [found for found in macro if found.element not in HEADLINES and found.slice == ALL]
    drawn = []
    for title, shown in (("main", main), ("others", rest)):
        if not shown:
            continue
        labels = [f"{found.suite} · {question(found, lang)}" for found in shown]
        svg = draw_gains(shown, labels, WORDS[lang]["points"])
        # As an image a drawing can run nothing, whatever stands in it.
        address = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
        drawn.append((WORDS[lang][title], address))
    return drawn
