"""Every notebook runs offline in an empty folder without an error or a warning, and is kept without its outputs."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SUSPECT = re.compile(r"warning|traceback|error", re.IGNORECASE)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def on_a_small_bank(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A usual run looks for what breaks, which takes no large bank, and a long history only where models are judged."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    is_judged = any("n_judged" in cell.source for cell in code)
    for cell in code:
        cell.source = re.sub(r"\bcustomers=\d+", "customers=2000", cell.source)
        if not is_judged:
            cell.source = cell.source.replace("months=48", "months=40")
    return notebook


def by_name(path: Path) -> str:
    return path.stem


def texts(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


@pytest.fixture(scope="module")
def kernel() -> Iterator[AsyncKernelManager]:
    """One process for all notebooks: importing takes as long as a notebook; names are forgotten in between."""
    manager = AsyncKernelManager()
    yield manager
    run_sync(manager.shutdown_kernel)(now=True)


def begin_in(folder: Path) -> nbformat.NotebookNode:
    """A cell that forgets all names and goes to a folder."""
    return nbformat.v4.new_code_cell(f"%reset -f\n%cd -q {folder}")


def test_there_are_five_and_the_list_names_each():
    listed = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert len(NOTEBOOKS) == 5
    assert [path.name for path in NOTEBOOKS if f"]({path.name})" not in listed] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_it_runs_in_an_empty_folder_and_nothing_is_wrong_in_its_outputs(
    path, kernel, tmp_path, monkeypatch, every_bank
):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there: what needs the network fails
    notebook = read(path) if every_bank else on_a_small_bank(read(path))
    notebook.cells.insert(0, begin_in(tmp_path))

    client = NotebookClient(notebook, km=kernel, timeout=600)
    try:
        client.execute()
    finally:
        client.kc.stop_channels()

    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert [output.text for output in outputs if output.get("name") == "stdout" and SUSPECT.search(output.text)] == []
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_no_output_and_no_count_is_kept(path):
    kept = [
        number
        for number, cell in enumerate(read(path).cells)
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None)
    ]

    assert kept == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_it_says_first_what_it_answers_and_last_what_to_do_next(path):
    prose = texts(read(path))

    assert "**What this answers.**" in prose[0]
    assert "## What to do next" in prose[-1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_it_defines_nothing(path):
    code = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "code")

    assert re.findall(r"^\s*(?:def|class|lambda)\b.*", code, re.MULTILINE) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_its_links_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)#:]+)\)", "\n".join(texts(read(path))))

    assert [target for target in targets if not (FOLDER / target).exists()] == []
