"""The player in a browser, Chromium without a window: what it shows at every moment, and what it answers to.

Without Chromium these tests are skipped; with MUSICLIB_BROWSER=required they fail.
"""

import os
import shutil

import numpy as np
import pytest

from musiclib import plots
from musiclib.score import Score

WITHIN = 0.05  # seconds
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
READY = """() => new Promise(done => {
  const audio = document.querySelector("audio");
  if (audio.readyState === 4) done(); else audio.addEventListener("canplaythrough", () => done());
})"""
# What is shown at every frame of a few seconds: time, notes in the roll and in the notation, and the cursors.
WATCH = """async seconds => {
  const [audio, sheet, roll] = ["audio", "#sheet", "#roll"].map(name => document.querySelector(name));
  const numbers = box => [...box.querySelectorAll(".on")].map(e => +e.id.split("-")[1]).sort((a, b) => a - b);
  const seen = [];
  await audio.play();
  const until = performance.now() + 1000 * seconds;
  while (performance.now() < until && !audio.ended) {
    await new Promise(requestAnimationFrame);
    const [box, bar] = [sheet, sheet.lastElementChild].map(e => e.getBoundingClientRect());
    const [grid, line] = [roll.children[1], roll.lastElementChild].map(e => e.getBoundingClientRect());
    seen.push({ time: audio.currentTime, roll: numbers(roll), sheet: numbers(sheet), x: bar.left - box.left,
                line: line.left - grid.left });
  }
  audio.pause();
  return seen;
}"""
# Where the first tied piece of each note is written, and the middle of its head.
HEADS = """() => [...document.querySelectorAll("#sheet [id^=note-]")].filter(e => /^note-\\d+-0$/.test(e.id)).map(e => {
  const [box, head] = [document.querySelector("#sheet"), e.querySelector(".notehead")].map(e => e.getBoundingClientRect());
  return [+e.id.split("-")[1], (head.left + head.right) / 2 - box.left, head.top - box.top];
})"""


def missing(reason):
    if os.environ.get("MUSICLIB_BROWSER") == "required":
        pytest.fail(f"MUSICLIB_BROWSER=required, and {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        missing("there is no Chromium; CONTRIBUTING.md says how to get it")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def score():
    """Four systems: a rest, chords, repeated notes, quick notes, a held note, a change of tempo."""
    melody = [(1 + i / 2, 0.5, 60 + 2 * (5 * i % 9)) for i in range(60)]
    quick = [(31 + i / 4, 0.25, 72 + i % 5) for i in range(16)]
    chords = [(4 * bar, 4 if bar % 2 else 1.5, pitch) for bar in range(9) for pitch in (48, 52, 55)]
    return Score.from_notes(melody + quick + chords, tempos=((0, 150), (20, 100)), time_signatures=((0, 4, 4),))


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a player offline, as a saved page or within another page; gives its frame. No request leaves, no error."""
    contexts, asked, errors = [], [], []

    def load(player, kind="saved", width=900, height=640):
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        path = tmp_path / "page.html"
        if kind == "saved":
            player.save(path)
        else:
            path.write_text("<!doctype html><title>a notebook</title><h1>Cells</h1><div></div>", "utf-8")
        page.goto(path.as_uri())
        if kind == "inserted":  # as a notebook's output, or gradio.HTML
            page.evaluate("text => { document.querySelector('div').innerHTML = text }", player._repr_html_())
            page.wait_for_timeout(300)
        frame = page.frames[-1]
        frame.wait_for_selector("audio", state="attached")
        frame.evaluate(READY)
        return frame

    yield load
    for context in contexts:
        context.close()
    assert not errors
    assert all(url.startswith(("file:", "data:", "about:")) for url in asked), asked


def deviation(score, time, shown):
    """Seconds from ``time`` to the nearest moment at which just these notes sound."""
    starts, ends = (np.round(times, 4) for times in score.seconds())
    edges = np.unique([0, *starts, *ends, ends.max() + 9])
    best = np.inf
    for begin, end in zip(edges[:-1], edges[1:]):
        if np.flatnonzero((starts <= begin) & (begin < ends)).tolist() == shown:
            best = min(best, max(begin - time, time - end, 0.0))
    return best


@pytest.mark.parametrize("kind", ["saved", "inserted"])
def test_the_notes_and_the_cursors_follow_the_sound(opened, score, kind):
    frame = opened(plots.follow(score), kind)
    heads = {int(i): (x, y) for i, x, y in frame.evaluate(HEADS)}
    assert heads.keys() == set(range(len(score)))
    starts = score.seconds()[0]
    seen = frame.evaluate(WATCH, 4.0)
    frame.evaluate("document.querySelector('audio').currentTime = 11")
    seen += frame.evaluate(WATCH, 4.0)
    times = np.array([s["time"] for s in seen])
    assert len(seen) > 40 and times.min() < 0.2 and times.max() > 14  # the sound runs at its own speed
    notes = [max(deviation(score, s["time"], s[place]) for place in ("roll", "sheet")) for s in seen]
    roll = [abs(s["line"] / 60 - s["time"]) for s in seen]
    onsets = np.unique(starts)
    x = {at: min(heads[i][0] for i in np.flatnonzero(starts == at)) for at in onsets}
    sheet = []
    for s in seen:  # the time that the cursor's place means, between the heads before and after it
        number = max(int(np.searchsorted(onsets, s["time"], "right")) - 1, 0)
        before, after = onsets[number], onsets[min(number + 1, len(onsets) - 1)]
        if x[after] > x[before]:  # within one system
            sheet.append(abs(np.interp(s["x"], [x[before], x[after]], [before, after]) - s["time"]))
    assert len(sheet) > len(seen) / 2
    found = {"notes": notes, "roll": roll, "notation": sheet}
    # A busy machine may pause between the player's drawing of a frame and the look at it, which delays that frame only.
    usual, worst = ({name: 1000 * np.quantile(d, share) for name, d in found.items()} for share in (0.95, 1.0))
    print(f"{len(seen)} frames, deviation in ms:", *(f"{n} {usual[n]:.1f}, at most {worst[n]:.1f};" for n in found))
    assert max(usual.values()) < 1000 * WITHIN


def test_the_current_system_is_in_view(opened, score):
    frame = opened(plots.follow(score), height=420)
    low = frame.evaluate("document.querySelector('#staff').getBoundingClientRect().bottom")
    heights = set()
    for time in (0.5, 6, 12, 17):
        frame.evaluate("time => { document.querySelector('audio').currentTime = time }", time)
        frame.page.wait_for_timeout(200)
        bar = frame.evaluate("(b => [b.top, b.bottom])(document.querySelector('#sheet').lastElementChild"
                             ".getBoundingClientRect())")  # fmt: skip
        assert 40 < bar[0] < bar[1] <= low + 1
        heights.add(round(frame.evaluate("document.querySelector('#staff').scrollTop")))
    assert len(heights) > 1


def now(frame):
    return frame.evaluate("document.querySelector('audio').currentTime")


def test_clicks_and_keys(opened, score):
    frame = opened(plots.follow(score))
    page, (starts, _) = frame.page, score.seconds()
    button = page.get_by_role("button", name="Play")
    note = int(np.flatnonzero(score.pitch > 70)[3])
    page.click(f"#note-{note}-0 .notehead")
    assert now(frame) == pytest.approx(starts[note], abs=1e-3)
    x, below, time = page.evaluate("[marks[3].x, marks[3].system.bottom, marks[3].time]")
    page.click("#sheet", position={"x": x + 2, "y": below + 3})  # beside every note: the nearest onset
    assert now(frame) == pytest.approx(time, abs=1e-3)
    page.click("#roll-5", position={"x": 3, "y": 3})
    assert now(frame) == pytest.approx(starts[5], abs=1e-3)
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(100)
    page.mouse.click(30 + 4 * 60, 640 - 25)  # below every note of the roll
    assert now(frame) == pytest.approx(4)
    page.evaluate("document.querySelector('audio').currentTime = 5")
    page.keyboard.press("ArrowRight")
    assert now(frame) == pytest.approx(7)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert now(frame) == pytest.approx(3)
    page.keyboard.press(" ")
    page.wait_for_timeout(500)
    assert 3.1 < now(frame) < 5 and page.get_by_role("button", name="Pause").is_visible()
    page.keyboard.press(" ")
    page.wait_for_timeout(100)
    stopped = now(frame)
    page.wait_for_timeout(200)
    assert now(frame) == stopped
    button.focus()
    page.keyboard.press(" ")  # the button's own: once, not twice
    page.wait_for_timeout(200)
    assert now(frame) > stopped
    page.get_by_role("slider", name="Position in seconds").fill("1.5")
    assert 1.4 < now(frame) < 2.5


@pytest.mark.parametrize("notation", [plots.staff, plots.jianpu])
@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_shows_it_without_scrolling_sideways(opened, score, width, notation):
    top = score.select(0)
    frame = opened(plots.follow(top, notation(top)), width=width, height=700)
    frame.evaluate(WATCH, 0.5)
    assert frame.evaluate("document.scrollingElement.scrollWidth") <= width
    assert frame.evaluate("document.scrollingElement.scrollHeight") <= 700
    assert frame.evaluate("document.querySelectorAll('#sheet .on').length") > 0
    seen = frame.evaluate("(b => [b.left, b.right])(document.querySelector('#sheet').lastElementChild"
                          ".getBoundingClientRect())")  # fmt: skip
    assert 0 <= seen[0] < seen[1] <= width
