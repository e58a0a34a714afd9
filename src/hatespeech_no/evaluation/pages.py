"""HTML pages with nothing loaded from elsewhere, and numbers as people write them."""

from __future__ import annotations

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from hatespeech_no.taxonomy import Lang

_OURS = "hatespeech_no.evaluation"


def page(template: str, package: str = _OURS, **values: object) -> str:
    """Fill a template; any may include the style of this package.

    Args:
        template: its file name.
        package: that holds it.
        values: what it names, all of it.
    """
    # Names of models and suites, settings and texts are not ours: everything is escaped.
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name, ".") for name in (package, _OURS)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)


def number(value: float, lang: Lang, digits: int = 3, *, sign: bool = False) -> str:
    """As people write it in that language."""
    shown = f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")
    return shown.replace(".", ",") if lang == "nb" else shown
