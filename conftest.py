"""Fixtures for all tests; the Python examples of README and guides run as tests."""

from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser


@pytest.fixture(scope="module")
def demo_folder(demo_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder in which the demo has run."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "runs").mkdir()
    (folder / "runs" / demo_run.name).symlink_to(demo_run)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


pytest_plugins = ["tests.fixtures"]
pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()], patterns=["README.md", "docs/*.md"], fixtures=["demo_folder"]
).pytest()
