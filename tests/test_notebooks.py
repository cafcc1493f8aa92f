"""The notebooks run top to bottom, in order, and are saved without outputs."""

import json
import os
import pathlib

import nbclient
import nbformat
import pytest

from musiclib import dataset

ROOT = pathlib.Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OUTPUTS = {
    "01_preprocess": ["data/prepared/corpus.npz", "data/prepared/dataset.json"],
    "02_train_lstm": ["models/lstm/model.keras", "outputs/02_history.png"],
    "03_train_gru_attention": ["models/gru_attention/model.keras", "outputs/03_attention.png"],
    "04_sample": [
        *("outputs/04_yours_1.mid", "outputs/04_shipped_1.wav", "outputs/04_shipped_1.musicxml"),
        *("outputs/04_staff.svg", "outputs/04_jianpu.svg", "outputs/04_follow.html"),
    ],
    "05_piano_rolls": [
        *("outputs/05_compare.png", "outputs/05_attention.png"),
        *("outputs/05_real_staff.svg", "outputs/05_generated_staff.svg", "outputs/05_surprise.svg"),
    ],
    "06_harmonize": ["models/harmonizer/model.keras", "outputs/06_harmony_1.wav", "outputs/06_answer_5.mid"],
    "07_transformer": ["models/transformer/model.keras", "outputs/07_continued_1.mid", "outputs/07_performance.mid"],
    "08_interpolate": ["models/phrases_vae/model.keras", "outputs/08_interpolation.wav", "outputs/08_map.png"],
    "09_gan": ["models/gan_45/model.keras", "outputs/09_collapse.png", "outputs/09_bars.wav"],
    "10_style_transfer": ["models/styles/model.keras", "outputs/10_four_styles.png", "outputs/10_style_3.musicxml"],
    "11_recommend_and_generate": ["outputs/11_composed.mid", "outputs/11_varied.wav", "outputs/11_uplift.png"],
    "12_spectral_lstm": ["models/sound/model.keras", "outputs/12_ours.wav", "outputs/12_spectra.png"],
    "13_evaluate": ["outputs/13_card/card.md", "outputs/13_card/card.json", "outputs/13_copied.png"],
    "14_scale_out": ["data/scale_out/dataset.json", "models/two_processes/config.json"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One folder for everything that the notebooks write: each reads what those before it wrote."""
    return tmp_path_factory.mktemp("home")


def code_cells(path):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_saved_without_outputs(path):
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code_cells(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_are_short_and_hold_no_classes(path):
    for cell in code_cells(path)[1:]:
        assert len(cell["source"]) <= 16, "".join(cell["source"])
        assert not any(line.startswith(("class ", "def ")) for line in cell["source"])


def test_the_setup_cell_is_the_same_everywhere():
    assert len({"".join(code_cells(path)[0]["source"]) for path in NOTEBOOKS}) == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_top_to_bottom(path, home, monkeypatch):
    monkeypatch.setenv("MUSICLIB_HOME", str(home))
    monkeypatch.setenv("MUSICLIB_PRESET", "quick")
    monkeypatch.delenv("MUSICLIB_CORPUS", raising=False)
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}})
    client.execute()
    missing = [name for name in OUTPUTS[path.stem] if not (home / name).is_file()]
    assert not missing
    assert not os.path.exists(path.parent / "musiclib")
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.get("name") != "stderr" or not _warns(output["text"]), output["text"]


def test_the_others_prepare_the_same_dataset_as_the_first(home, tmp_path, monkeypatch):
    """After the notebooks, whose cache it reads the chorales from."""
    first = home / "data" / "prepared"
    if not (first / "dataset.json").is_file():
        pytest.skip("the notebooks did not run before")
    monkeypatch.setenv("MUSICLIB_HOME", str(home))
    data = dataset.load_prepared(tmp_path, "quick")
    assert data.fingerprint == dataset.Dataset.load(first).fingerprint
    assert data.about == dataset.Dataset.load(first).about


def _warns(text):
    """Tells warnings from the progress bars, which also go to the error stream."""
    return "Warning" in text or "Error" in text
