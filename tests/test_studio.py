"""The studio: what its tabs make, in a process of its own, asked by a browser and by programs; uploads and their limits.

Without Chromium the tests in the browser are skipped; with MUSICLIB_BROWSER=required they fail.
"""

import functools
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import wave
import zipfile

import pytest
from test_browser import browser  # noqa: F401  # the fixture of the same Chromium

import musiclib.models.compiling  # noqa: F401  # so that conftest turns XLA off
from musiclib import readers, studio, training, writers
from musiclib.studio import actions, results, uploads

TABS = ("Compose", "Continue", "Harmonise", "Restyle", "Morph")
ODE, BACH = actions.example("Ode to Joy"), actions.example("A chorale by Bach")
GRID = "[[0,2,64],[2,2,64],[4,2,65],[6,2,67]]"
# The studio with small corpora to look for copies in, since reading the whole ones takes half a minute; without XLA, as
# in the other tests.
SERVER = """
import runpy, sys
from musiclib.models import compiling
from musiclib.studio import copies
compiled = compiling._compile
compiling._compile = lambda function, model, xla: compiled(function, model, False)
copies.SOURCES = {"": ("bach", 8, "chorales"), "folk_styles": ("essenFolksong/han1", 8, "songs"),
                  "tunes_vae": ("airdsAirs", 8, "tunes")}
sys.argv = ["studio", "--no-browser"]
runpy.run_module("musiclib.studio", run_name="__main__")
"""
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@pytest.fixture(scope="module", autouse=True)
def started(tmp_path_factory):
    """A studio in another process, which starts while the first tests run; and the folder of its temporary files."""
    folder = tmp_path_factory.mktemp("studio")
    path = os.pathsep.join([str(pathlib.Path(studio.__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process, folder
        process.terminate()
    assert list(folder.glob("musiclib-*")) == []  # it leaves nothing behind


# ---------------------------------------------------------------------- what a click does, and the same in a notebook


@pytest.fixture(scope="module")
def run_of_the_notebook():
    """A snippet gets the networks that the page has loaded, with their compiled loops."""
    load = functools.cache(training.load_run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "load_run", load)
        yield


CLICKS = {
    "compose": (actions.compose, "jsb_gru", "D minor", 2, 80, "Flute", True, False, 0.9, 0.95, 3),
    "continue": (actions.go_on, BACH, "jsb_gru", 2, 0.9, 1),
    "infill": (actions.infill, BACH, 2, 3, [], 1),
    "harmonize the grid": (actions.harmonize, GRID, 0.6, 1),
    "restyle": (actions.restyle, ODE, "Irish", "", 0.7, 1),
    "restyle by words": (actions.restyle, ODE, "Irish", "a slow chinese song", 0.7, 1),
    "morph": (actions.morph, ODE, actions.example("Frère Jacques"), 0.5),
}


@pytest.mark.parametrize("name", CLICKS)
def test_the_python_beside_a_piece_makes_the_same(name, run_of_the_notebook):
    action, *inputs = CLICKS[name]
    result = action(*inputs)
    names = {}
    exec(result.code, names)
    assert len(result.score) > 3 and names["piece"] == result.score
    assert "plots.follow(piece)" in result.code and "\nrun = training.load_run(config.find_run(" in result.code


def test_a_piece_that_was_made_is_changed(run_of_the_notebook):
    """Its middle stays; the Python beside it makes the piece first, and then changes it."""
    first = actions.compose("jsb_gru", "G major", 4, 80, "Organ", True, False, 0.9, 0.95, 3)
    changed = actions.infill(first.given, 4, 4, ["Tenor"], 1)
    names = {}
    exec(changed.code, names)
    assert names["piece"] == changed.score != first.score
    assert changed.score.select("Soprano") == first.score.select("Soprano")
    assert changed.score.slice(0, 12).pitch.tolist() == first.score.slice(0, 12).pitch.tolist()


def test_what_is_asked_for_is_made():
    action, *inputs = CLICKS["compose"]
    score = action(*inputs).score
    assert score.end == pytest.approx(8) and set(score.programs) == {73} and score.tempos == ((0, 80),)
    assert {pitch % 12 for pitch in score.pitch.tolist()} <= {
        2,
        4,
        5,
        7,
        9,
        10,
        11,
        0,
        1,
    }  # no F sharp, G sharp or E flat
    melody = actions.harmonize(GRID, 0.6, 1).score.select("Soprano")
    assert melody.pitch.tolist() == [64, 64, 65, 67] and melody.onset.tolist() == [0, 1, 2, 3]
    longer = actions.go_on(BACH, "jsb_gru", 2, 0.9, 1).score
    assert longer.end == pytest.approx(25)  # an upbeat, four bars of the chorale, the last one filled up, and two more
    ends = [actions.morph(ODE, actions.example("Twinkle, twinkle"), place).score for place in (0, 1)]
    assert ends[0].pitch.tolist() != ends[1].pitch.tolist()


@pytest.mark.parametrize(
    "name, place, value, sentence",
    [
        ("compose", 2, "H minor", "no key 'H minor'"),
        ("compose", 3, 0, "bars must be a whole number of at least 1, got 0"),
        ("compose", 3, 2.5, "bars must be a whole number, got 2.5"),
        ("compose", 10, None, "seed must be a whole number, got None"),
        ("infill", 3, 300, "300"),
        ("harmonize the grid", 1, "[]", "no notes; click some"),
        ("harmonize the grid", 1, "[[1]]", "click the notes anew"),
        ("restyle by words", 3, "qwxyz", "matches no style"),
        ("morph", 2, BACH, "different lengths"),
    ],
)
def test_a_mistake_is_one_sentence(name, place, value, sentence):
    action, *inputs = CLICKS[name]
    inputs[place - 1] = value
    with pytest.raises(ValueError, match=re.escape(sentence)) as error:
        action(*inputs)
    assert "\n" not in str(error.value)


def test_only_the_files_of_the_last_results_are_kept():
    shelf = results.Shelf()
    folders = [shelf.new() for _ in range(100)]
    assert [folder.exists() for folder in folders].count(True) == 40 and folders[-1].exists()


# ------------------------------------------------------------------------------------------------------------ uploads


def zipped(text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", text)
    return file.getvalue()


TUNE = b"X:1\nM:4/4\nL:1/4\nK:D\nDEFG|ABcd|\n"
BAD = {  # a file's suffix and content, and what the page says
    "text": (".txt", b"hello", "neither MIDI, MusicXML nor ABC"),
    "no suffix": ("", TUNE, "neither MIDI, MusicXML nor ABC"),
    "damaged": (".mid", b"MThd\0\0", "cannot be read"),
    "large": (".mid", b"x" * 5_000_001, "larger than 5 MB"),
    "zip bomb": (".mxl", zipped(b"\0" * (1 << 29)), "more than 256 MiB"),
    "no end": (".mxl", zipped(b"<score-partwise>" + b"<a/>" * 12_000_000), "takes more than 1 seconds"),
    "two hours": (".abc", b"X:1\nM:4/4\nL:1/1\nQ:1/4=120\nK:C\n" + b"C|" * 3600, "3,600 notes in 120 minutes"),
    "many notes": (".abc", b"X:1\nM:4/4\nL:1/64\nQ:1/4=200\nK:C\n" + b"[CEGceg]" * 4000, "24,000 notes"),
    "no notes": (".abc", b"X:1\nM:4/4\nL:1/4\nK:C\nzzzz|\n", "no notes"),
}


@pytest.fixture(scope="module")
def reader():
    reader = uploads.Uploads()
    yield reader
    reader.close()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_upload_is_refused_and_deleted_and_the_next_is_read(name, reader, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    suffix, content, sentence = BAD[name]
    reader._seconds = 1 if name == "no end" else 10  # the others may take longer on a busy machine
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=sentence) as error:
        reader.read(str(path))
    assert "\n" not in str(error.value) and str(tmp_path) not in str(error.value)
    path = tmp_path / "good.abc"
    path.write_bytes(TUNE)
    reader._results.clear()
    reader._seconds = 10  # after a refusal the next process imports the readers again
    score, remarks = reader.read(str(path))
    assert score.pitch.tolist() == [62, 64, 66, 67, 69, 71, 73, 74] and remarks == ""
    assert list(tmp_path.iterdir()) == []


def test_two_people_may_upload_the_same_file(reader, tmp_path):
    path = tmp_path / "same.abc"
    path.write_bytes(TUNE + b"\nX:2\nK:C\nCD|\n")
    first = reader.read(str(path))
    assert reader.read(str(path)) == first and first[1] == "the file has 2 pieces; the first is taken"
    with pytest.raises(ValueError, match="no longer there"):
        reader.read(str(tmp_path / "other.abc"))


def test_without_gradio_the_studio_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match='not installed: pip install "gradio>=6,<7"'):
        studio.launch()


# ----------------------------------------------------------------------------------------------------- the page itself


@pytest.fixture(scope="module")
def server(started):
    """The address of the studio, and the folder of its temporary files."""
    process, folder = started
    return ADDRESS.search(process.stdout.readline())[0], folder


@pytest.fixture
def page(browser, server):  # noqa: F811
    """A page of the studio; whatever it asks for is on this machine, and no script fails."""
    asked, errors = [], []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server[0])
    page.get_by_role("button", name="Compose", exact=True).wait_for()
    yield page
    context.close()
    assert all(url.startswith((server[0], "data:", "blob:", "about:")) for url in asked), asked
    assert not errors and len(asked) > 10


def button(page, name):
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def seen(page, selector):
    return page.locator(selector).locator("visible=true").first


def made(page):
    """Waits for the files of a result; returns them by name."""
    seen(page, ".take a[download]").wait_for(timeout=60_000)
    links = page.locator(".take a[download]").locator("visible=true").all()
    found = {link.get_attribute("download"): link.get_attribute("href") for link in links}
    return {name: page.request.get(address).body() for name, address in found.items()}


def check(files):
    """Reads the files of a result again; returns the score."""
    assert {"piece.mid", "piece.musicxml", "piece.wav", "staff.svg", "piano-roll.svg"} <= files.keys()
    with tempfile.TemporaryDirectory() as folder, wave.open(io.BytesIO(files["piece.wav"])) as sound:
        for name in ("piece.mid", "piece.musicxml"):
            (pathlib.Path(folder) / name).write_bytes(files[name])
        score, written = (readers.read_score(pathlib.Path(folder) / name) for name in ("piece.mid", "piece.musicxml"))
        assert sorted(score.pitch.tolist()) == sorted(written.pitch.tolist())
        assert sound.getnframes() / sound.getframerate() > score.seconds()[1].max() - 0.1
    assert all(b"<svg" in files[name] for name in files if name.endswith(".svg"))
    return score


def set_number(page, label, value):
    field = page.get_by_role("spinbutton", name=re.compile(label)).locator("visible=true").first
    field.fill(str(value))
    field.press("Tab")


def test_compose_from_a_click_to_the_report(page):
    set_number(page, "Length in bars", 2)
    button(page, "Compose").click()
    score = check(made(page))
    assert score.end == pytest.approx(8, abs=0.1)
    frame = page.frame_locator("iframe[title=Player]").first
    frame.locator("#sheet > svg").wait_for()
    assert frame.locator("[id^=roll-]").count() == len(score)
    for view, name in {
        "Staff": "Staff notation",
        "Piano roll": "Piano roll",
        "Numbers (jianpu)": "Numbered notation",
    }.items():
        page.get_by_role("tab", name=view).click()
        picture = page.get_by_role("img", name=name)
        picture.wait_for()
        assert picture.evaluate("image => image.complete && image.naturalWidth") > 100
    page.get_by_role("tab", name="Copied?").click()
    page.get_by_text("The longest passage that is also in the 8 chorales").wait_for(timeout=60_000)
    page.get_by_role("tab", name="Python").click()
    assert "sampling.generate(" in seen(page, ".cm-content").inner_text()
    button(page, "Change this piece: some bars, or a voice").click()
    page.get_by_text(f"2 bars · 4 parts · {len(score)} notes").locator("visible=true").first.wait_for()
    set_number(page, "anew, from bar", 2)
    set_number(page, "To bar", 2)
    button(page, "Fill in").click()
    changed = check(made(page))
    assert changed.slice(0, 4).pitch.tolist() == score.slice(0, 4).pitch.tolist()


def test_continue_an_uploaded_file(page, tmp_path, server):
    path = writers.write_midi(BACH.score, tmp_path / "mine.mid")
    page.get_by_role("tab", name="Continue").click()
    with page.expect_file_chooser() as chooser:
        button(page, "Use your own file: MIDI, MusicXML or ABC").click()
    chooser.value.set_files(path)
    page.get_by_text("66 notes").locator("visible=true").wait_for()
    set_number(page, "By so many bars", 2)
    button(page, "Continue").click()
    score = check(made(page))
    assert 20 < score.end <= 25 and len(score) > 66
    assert not list(server[1].rglob("*.mid*.mid")) and not list(server[1].rglob("mine*"))


def test_harmonise_with_the_keyboard_alone(page):
    page.get_by_role("tab", name="Compose").focus()
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    button(page, "Clear").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # into the grid
    for key in (
        "Space",
        "ArrowRight",
        "ArrowRight",
        "ArrowDown",
        "Space",
        "ArrowRight",
        "ArrowRight",
        "ArrowUp",
        "Space",
    ):
        page.keyboard.press(key)
    assert page.locator(".roll [aria-selected=true]").count() == 6 and page.get_by_text("3 notes").is_visible()
    for _ in range(5):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Harmonise":
            break
    page.keyboard.press("Enter")
    score = check(made(page))
    assert score.select("Soprano").pitch.tolist() == [67, 65, 67] and len(set(score.part.tolist())) == 4


def test_a_click_into_the_grid_adds_and_removes_a_note(page):
    page.get_by_role("tab", name="Harmonise").click()
    notes = page.locator(".roll .first")
    assert notes.count() == 15
    page.get_by_label("C5, bar 1, beat 1", exact=True).click()
    assert notes.count() == 15 and page.get_by_label("C5, bar 1, beat 1, a note").count() == 1  # in place of the E
    page.get_by_label("C5, bar 1, beat 1, a note").click()
    assert notes.count() == 14
    page.get_by_label("sharps and flats").check()
    page.get_by_label("F♯4, bar 1, beat 1", exact=True).click()
    assert notes.count() == 15


def test_restyle_and_morph(page):
    page.get_by_role("tab", name="Restyle").click()
    page.get_by_label("Or in your own words").fill("a slow church hymn")
    button(page, "Restyle").click()
    assert check(made(page)).end == pytest.approx(32, abs=0.1)
    page.get_by_role("tab", name="Morph").click()
    button(page, "Morph").click()
    assert check(made(page)).end <= 8.1


def test_a_mistake_is_shown_escaped_and_the_next_click_works(page, tmp_path, server):
    page.get_by_role("tab", name="Restyle").click()
    page.get_by_label("Or in your own words").fill("<img src=x onerror=alert(1)>")
    button(page, "Restyle").click()
    toast = page.get_by_test_id("toast-body")
    toast.get_by_text("<img src=x onerror=alert(1)>").wait_for()
    assert toast.locator("img").count() == 0
    bad = {
        "x.txt": (b"hello", "neither MIDI"),
        "large.mid": (b"x" * 5_000_001, "size"),
        "junk.mid": (b"MThd", "cannot be read"),
    }
    for name, (content, sentence) in bad.items():
        (tmp_path / name).write_bytes(content)
        with page.expect_file_chooser() as chooser:
            button(page, "Use your own file: MIDI, MusicXML or ABC").click()
        chooser.value.set_files(tmp_path / name)
        toast.get_by_text(sentence).wait_for()
    page.get_by_label("Or in your own words").fill("")
    button(page, "Restyle").click()
    check(made(page))
    kept = [path for path in server[1].rglob("*") if path.is_file() and "musiclib-studio-" not in str(path)]
    assert kept == []


def test_a_stopped_click_shows_nothing(page):
    set_number(page, "Length in bars", 64)  # so long that it is stopped in time on any machine
    button(page, "Compose").click()
    running = seen(page, "[data-testid=status-tracker]:not(.hide)")
    running.wait_for()
    page.wait_for_timeout(300)
    button(page, "Stop").click()
    page.get_by_text("Stopped.").wait_for()
    running.wait_for(state="hidden", timeout=5000)
    page.wait_for_timeout(2000)
    assert page.get_by_text("Your piece will appear here").first.is_visible() and seen(page, "a[download]").count() == 0
    set_number(page, "Length in bars", 2)
    button(page, "Compose").click()
    check(made(page))


def test_a_phone_shows_every_tab_without_scrolling_sideways(browser, server):  # noqa: F811
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(server[0])
    set_number(page, "Length in bars", 2)
    button(page, "Compose").click()
    made(page)
    wide = []
    for number, tab in enumerate(TABS):
        if number:
            shown = page.get_by_role("tab", name=tab, exact=True)
            if not shown.count():
                page.locator(".overflow-menu > button").first.click()
                shown = page.locator(".overflow-dropdown button").filter(has_text=tab)
            shown.first.click()
        button(page, tab).wait_for()
        wide.append(page.evaluate("document.scrollingElement.scrollWidth"))
    page.close()
    assert wide == [390] * len(TABS)


# ------------------------------------------------------------------------------------------------- programs that ask it


@pytest.fixture
def client(server, tmp_path):
    from gradio_client import Client

    made = []

    def connect():
        made.append(Client(server[0], verbose=False, download_files=str(tmp_path), analytics_enabled=False))
        return made[-1]

    yield connect
    for each in made:
        each.close()


def score_of(job):
    (path,) = (path for path in job.result(timeout=90)[-1] if path.endswith(".mid"))
    return readers.read_score(path)


def test_ten_requests_wait_and_all_are_answered(client):
    user = client()
    jobs = [user.submit(param_2=2, param_9=seed, api_name="/compose") for seed in range(10)]
    assert len({tuple(score_of(job).pitch.tolist()) for job in jobs}) == 10


def test_two_users_at_once_get_each_their_own(client, tmp_path):
    from gradio_client import handle_file

    tunes = [ODE.score, BACH.score.select("Soprano")]
    users, jobs = [client(), client()], []
    for number, (user, tune) in enumerate(zip(users, tunes)):
        path = writers.write_midi(tune, tmp_path / f"{number}.mid")
        shown, _ = user.predict(handle_file(str(path)), api_name="/restyle_upload")
        assert f"{len(tune)} notes" in shown
        jobs.append(user.submit("Irish", "", 0.0, 1, api_name="/restyle"))
    for job, tune in zip(jobs, tunes):
        assert score_of(job).pitch.tolist() == tune.pitch.tolist()


def test_a_path_of_this_machine_is_no_upload(server, tmp_path):
    import httpx

    (tmp_path / "secret.abc").write_bytes(TUNE)
    for path in (str(tmp_path / "secret.abc"), f"{server[1]}/gradio/../../secret.abc", "../secret.abc"):
        data = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}
        event = httpx.post(f"{server[0]}/gradio_api/call/restyle_upload", json=data).json()["event_id"]
        answer = httpx.get(f"{server[0]}/gradio_api/call/restyle_upload/{event}").text
        assert "event: error" in answer and "notes" not in answer
    assert (tmp_path / "secret.abc").exists()


def test_a_strange_name_leads_nowhere(server, client):
    import httpx

    for name in ("../../x.abc", "/etc/x.abc", "<b>x</b>.abc", "a" * 300 + ".abc"):
        answer = httpx.post(f"{server[0]}/gradio_api/upload", files={"files": (name, TUNE)})
        (path,) = answer.json()
        assert server[1] in pathlib.Path(path).parents
        data = {"path": path, "meta": {"_type": "gradio.FileData"}}
        assert "Your music: 2 bars" in client().predict(data, api_name="/restyle_upload")[0]
        assert not pathlib.Path(path).exists()
    assert httpx.post(f"{server[0]}/gradio_api/upload", files={"files": ("x.mid", b"x" * 9_000_000)}).status_code == 413
