"""``hatespeech-no review push | pull | status | verify | corpus | show | forget | purge``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.metrics import Estimate
from hatespeech_no.loading import load
from hatespeech_no.review.corpus import CORPUS, write_corpus, write_retrain
from hatespeech_no.review.desk import Desk
from hatespeech_no.review.files import FileDesk
from hatespeech_no.review.forget import expired, find
from hatespeech_no.review.forget import forget as forget_items
from hatespeech_no.review.pull import pull as pull_answers
from hatespeech_no.review.push import Lacking, Source
from hatespeech_no.review.push import push as push_scored
from hatespeech_no.review.questions import questions
from hatespeech_no.review.records import Settings
from hatespeech_no.review.sample import write_labels
from hatespeech_no.review.select import Budget
from hatespeech_no.review.status import Status
from hatespeech_no.review.status import status as status_of
from hatespeech_no.review.verdicts import Stage
from hatespeech_no.review.workspace import Workspace
from hatespeech_no.taxonomy import Lang, Tier
from hatespeech_no.text.keyed import load_key
from hatespeech_no.text.pipelines import load_pipeline
from hatespeech_no.tracking.review import MlflowDesk, TagAnchor

review = typer.Typer(
    help="Human review: flagged items go to people, their verdicts come back as labels.", no_args_is_help=True
)

Folder = Annotated[Path, typer.Option("--workspace", help="Folder of the review. The key must not lie in it.")]
Language = Annotated[Lang, typer.Option(help="Language of what is shown.")]
_WORKSPACE = Path("review")
_READER = re.compile(r"\w[\w.@-]*")
_AGE = re.compile(r"(\d+)d")
_INCOMPLETE = 3

DESKS: dict[str, Callable[[str, bytes, Lang], Desk]] = {
    "files": lambda place, key, lang: FileDesk(Path(place), key, lang),
    "csv": lambda place, key, lang: FileDesk(Path(place), key, lang, ".csv"),
    "jsonl": lambda place, key, lang: FileDesk(Path(place), key, lang, ".jsonl"),
    "mlflow": lambda place, key, lang: MlflowDesk(Path(place), key),
}
"""What ``--to`` names: makes a desk from its place, the key and the language."""


@review.command()
def push(
    scored: Annotated[
        Path,
        typer.Argument(help="What hatespeech-no score wrote (a file or a folder), or the sample.jsonl of map sample."),
    ],
    to: Annotated[
        tuple[str, str],
        typer.Option(metavar="KIND PLACE", help=f"Where readers read: {', '.join(DESKS)} and a folder."),
    ],
    reader: Annotated[list[str], typer.Option(help="A reader's name or pseudonym; repeat it, two at least.")],
    workspace: Folder = _WORKSPACE,
    flagged: Annotated[int, typer.Option(help="How many of the gravest the model hands on.", min=0)] = 100,
    active: Annotated[int, typer.Option(help="How many it could learn most from.", min=0)] = 50,
    audit: Annotated[int, typer.Option(help="How many at random of those it passes by.", min=0)] = 50,
    twice: Annotated[
        list[Tier] | None, typer.Option(help="Tiers that two people read; may be repeated. Default actionable.")
    ] = None,
    adjudicator: Annotated[
        str | None, typer.Option(help="Settles conflicts where no third reader can; default the first reader.")
    ] = None,
    text_column: Annotated[str, typer.Option(help="Column that holds the text.")] = "text",
    model: Annotated[
        str | None,
        typer.Option(help="The model that scored, for uncertainty by element and for the record; see score."),
    ] = None,
    other: Annotated[Path | None, typer.Option(help="The same texts scored by another model.")] = None,
    names: Annotated[
        str | None, typer.Option(help="Trained spaCy pipeline that finds names to pseudonymise, e.g. nb_core_news_sm.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 0,
    lang: Annotated[Lang, typer.Option(help="Language of the questions.")] = "en",
) -> None:
    """Choose statements of a scored file and put them before readers, who see nothing of the model.

    Of a mapping's sample all are taken, whatever the budget; review labels gives the answers back.
    The same push again chooses nothing new and goes on where it was interrupted.
    """
    readers = tuple(dict.fromkeys(reader))
    if len(readers) < 2 or not all(map(_READER.fullmatch, (*readers, adjudicator or readers[0]))):
        raise HatespeechError("--reader: name two readers or more, each by letters, digits and . @ _ -")
    key = load_key()
    desk = _desk(to, key, lang)
    if isinstance(desk, MlflowDesk):
        for name in {*readers, adjudicator or readers[0]}:
            desk.readers.check(name)
    console = Console()
    with console.status("choosing") as spinner:
        pushed = push_scored(
            _anchored(Workspace(workspace, key), desk),
            desk,
            Source(scored, text_column, None if model is None else load(model), other),
            Budget(flagged, active, audit),
            Settings(readers, adjudicator or readers[0], lang, tuple(twice or [Tier.ACTIONABLE]), to),
            names=None if names is None else load_pipeline(names),
            seed=seed,
            progress=lambda done: spinner.update(f"{done} items put before readers"),
        )
    for purpose in ("flagged", "active", "audit"):
        console.print(f"{pushed.chosen[purpose]:>8}  {_word(purpose, lang)}", highlight=False)
    console.print(f"{pushed.collapsed:>8}  {_word('collapsed', lang)}", highlight=False)
    if pushed.repeated:
        console.print(_word("repeated", lang))
    _print_delivered(console, pushed.delivered.items(), pushed.lacking, lang)


@review.command()
def pull(workspace: Folder = _WORKSPACE, lang: Language = "en") -> None:
    """Check what readers answered, add it to the log, and put the next round before them."""
    place, desk = _open(workspace)
    pulled = pull_answers(place, desk)
    console = Console()
    console.print(f"{pulled.new:>8}  {_word('new', lang)}", highlight=False)
    console.print(f"{pulled.known:>8}  {_word('known', lang)}", highlight=False)
    for fault, n in pulled.faults.most_common():
        if n:
            console.print(f"{n:>8}  {_word('aside', lang)}: {fault.label(lang)}", style="yellow", highlight=False)
    for stage in Stage:
        console.print(f"{pulled.stages[stage]:>8}  {stage.label(lang)}", highlight=False)
    _print_delivered(console, pulled.delivered.items(), pulled.lacking, lang)


@review.command()
def status(workspace: Folder = _WORKSPACE, lang: Language = "en") -> None:
    """Progress, agreement of readers, the model against people, and drift; by what was pulled last."""
    place, _ = _open(workspace)
    for table in _status_tables(status_of(place), lang):
        if table.row_count:
            Console().print(table)


@review.command()
def verify(workspace: Folder = _WORKSPACE) -> None:
    """Check that nothing in the verdict log was changed, added or cut off."""
    log = _open(workspace)[0].log
    if faults := log.verify():
        raise HatespeechError("; ".join(faults))
    Console().print(f"{log.path}: {len(log.entries())} entries, unbroken", markup=False, soft_wrap=True)


@review.command()
def labels(
    sample: Annotated[Path, typer.Argument(help="The sample.jsonl of map sample that was pushed.")],
    out: Annotated[Path, typer.Argument(help="Table to write, for map estimate.")],
    workspace: Folder = _WORKSPACE,
    lang: Language = "en",
) -> None:
    """Write what people said of a mapping's sample, as far as it is settled."""
    done = write_labels(_open(workspace)[0], sample, out)
    console = Console()
    for settled in (True, False):
        console.print(f"{done[settled]:>8}  {_word('settled' if settled else 'unsettled', lang)}", highlight=False)
    console.print(f"→ {out}", markup=False, soft_wrap=True)


@review.command()
def corpus(
    folder: Annotated[Path, typer.Argument(help="Folder to write the corpus to.")],
    workspace: Folder = _WORKSPACE,
    name: Annotated[str, typer.Option(help="Of the corpus: small letters, digits, _.")] = "reviewed",
    config: Annotated[
        Path | None, typer.Option(help="Write a configuration that trains as this one does, with the verdicts.")
    ] = None,
) -> None:
    """Write the verdicts as a corpus to train on. Audits become its test part and never train."""
    console = Console()
    place = Workspace(workspace, load_key())
    for part, n in write_corpus(place, folder, name).items():
        console.print(f"{n:>8}  {part}", highlight=False)
    console.print(f"→ {folder / CORPUS}", markup=False, soft_wrap=True)
    if config is not None:
        console.print(f"→ {write_retrain(folder, config)}", markup=False, soft_wrap=True)


Item = Annotated[str | None, typer.Argument(help="Id of the item.")]
Text = Annotated[str | None, typer.Option(help="Instead of the id: the very text that was pushed.")]
Thread = Annotated[str | None, typer.Option(help="With --text: what it answers, if that was pushed.")]


@review.command()
def show(item: Item = None, text: Text = None, thread: Thread = None, workspace: Folder = _WORKSPACE) -> None:
    """Print everything that is kept about one item, as JSON."""
    place = Workspace(workspace, load_key())
    everything = place.everything_about(find(place, item, text, thread))
    Console().print_json(json.dumps(everything, ensure_ascii=False), highlight=False)


@review.command()
def forget(item: Item = None, text: Text = None, thread: Thread = None, workspace: Folder = _WORKSPACE) -> None:
    """Delete text, reasons and notes of one item, from desk and workspace; the log stays verifiable."""
    place, desk = _open(workspace)
    found = find(place, item, text, thread)
    pull_answers(place, desk)  # what was answered is not lost
    forget_items(place, desk, [found])
    console = Console()
    console.print(f"{found}: deleted", highlight=False)
    if found in place.exported():
        console.print("A corpus was written that holds it: delete it there too.", style="yellow")


@review.command()
def purge(
    older_than: Annotated[str | None, typer.Option(help="Age since the push, in days: 90d.")] = None,
    exported: Annotated[bool, typer.Option("--exported", help="What a corpus holds.")] = False,
    workspace: Folder = _WORKSPACE,
) -> None:
    """Pull what was answered, then delete the texts that are no longer needed."""
    age = None if older_than is None else _AGE.fullmatch(older_than)
    if age is None and (older_than is not None or not exported):
        raise HatespeechError("purge: say what to delete, --older-than 90d or --exported")
    place, desk = _open(workspace)
    pull_answers(place, desk)
    limit = None if age is None else timedelta(days=int(age.group(1)))
    gone = forget_items(place, desk, expired(place, limit, exported))
    Console().print(f"{gone} texts deleted", highlight=False)


def _open(folder: Path) -> tuple[Workspace, Desk]:
    key = load_key()
    workspace = Workspace(folder, key)
    settings = workspace.settings
    desk = _desk(settings.desk, key, settings.lang)
    return _anchored(workspace, desk), desk


def _anchored(workspace: Workspace, desk: Desk) -> Workspace:
    """The workspace, with the head of its log kept on the desk too where that is out of reach of the log."""
    if isinstance(desk, MlflowDesk):
        return Workspace(workspace.folder, workspace.key, TagAnchor(desk.store, workspace.log.anchor))
    return workspace


def _desk(to: tuple[str, str], key: bytes, lang: Lang) -> Desk:
    kind, place = to
    if kind not in DESKS:
        raise HatespeechError(f"--to {kind}: there is no such desk; use one of {', '.join(DESKS)}")
    return DESKS[kind](place, key, lang)


def _print_delivered(console: Console, delivered: Iterable[tuple[str, int]], lacking: Lacking, lang: Lang) -> None:
    for reader, n in delivered:
        console.print(f"→ {reader}: {n}", markup=False, highlight=False)
    for (reader, queue), n in lacking.items():
        message = f"{reader}, {queue}: {n} {_word('lacking', lang)}"
        console.print(message, style="yellow", markup=False, highlight=False)
    if lacking:
        raise typer.Exit(_INCOMPLETE)


_WORDS = {
    "flagged": ("flagget av modellen", "flagged by the model"),
    "active": ("som modellen kan lære mest av", "from which the model can learn most"),
    "audit": ("tilfeldig valgt", "drawn at random"),
    "collapsed": ("rader ligner nesten helt på en annen", "rows are near-duplicates of another"),
    "repeated": (
        "Denne utsendingen er gjort før; ingenting nytt ble valgt.",
        "This push was made before; nothing new was chosen.",
    ),
    "new": ("nye vurderinger", "new verdicts"),
    "known": ("var hentet før", "had been pulled before"),
    "aside": ("lagt til side", "put aside"),
    "lacking": ("ble ikke lagret; kjør dette på nytt", "were not stored; run this again"),
    "settled": ("er avgjort", "are settled"),
    "unsettled": ("er det ikke", "are not"),
    "progress": ("Framdrift", "Progress"),
    "agreement": ("Enighet mellom lesere, Krippendorffs α", "Agreement of readers, Krippendorff's α"),
    "model": (
        "Modellen mot mennesker: andel der mennesker ga samme nivå",
        "The model against people: share that people give the same tier",
    ),
    "missed": ("oversett av modellen", "missed by the model"),
    "unread": ("flagget og uten vurdering", "flagged and without a verdict"),
    "drift_agreement": (
        "sannsynlighet for så stor forskjell mellom siste uke og før, ved tilfeldighet",
        "probability of so large a difference between the last week and before, by chance",
    ),
    "drift_tiers": (
        "det samme for nivåene i siste utsending og før",
        "the same for the tiers in the last push and before",
    ),
}


def _status_tables(found: Status, lang: Lang) -> Iterable[Table]:
    rows = [(reader, f"{done} / {asked}") for reader, (done, asked) in found.readers.items()]
    rows += [(stage.label(lang), str(found.stages[stage])) for stage in Stage]
    rows += [(fault.label(lang), str(n)) for fault, n in found.faults.items()]
    yield _table(_word("progress", lang), rows)
    titles = {question.name: question.title for question in questions(lang)}
    yield _table(_word("agreement", lang), [(titles[name], _interval(e)) for name, e in found.agreement.items()])
    model = [(tier.label(lang), _interval(e)) for tier, e in found.precision.items()]
    model += [(week, _interval(e)) for week, e in found.weeks.items()]
    if found.missed is not None:
        model.append((_word("missed", lang), _interval(found.missed.rate)))
        model.append((_word("unread", lang), str(found.missed.flagged_unread)))
    chances = (("drift_agreement", found.drift.agreement), ("drift_tiers", found.drift.tiers))
    model += [(_word(name, lang), f"{p:.3f}") for name, p in chances if p is not None]
    yield _table(_word("model", lang), model)


def _table(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _interval(e: Estimate) -> str:
    return f"{e.value:.2f} ({e.lo:.2f}–{e.hi:.2f}), n = {e.n}"


def _word(key: str, lang: Lang) -> str:
    return _WORDS[key][0 if lang == "nb" else 1]
