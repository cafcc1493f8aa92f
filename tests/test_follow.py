"""The player without a browser: its parts, its sound, its limits. What it does is in test_browser.py."""

import base64
import html.parser
import io
import json
import re
import wave
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from musiclib import plots
from musiclib.plots.follow import LONGEST, SCALE
from musiclib.plots.palette import PALETTE
from musiclib.score import Score


def sound_of(page):
    (data,) = re.findall(r'src="data:audio/wav;base64,([^"]+)"', page)
    with wave.open(io.BytesIO(base64.b64decode(data))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22050)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767


def test_the_piano_roll_and_the_times_are_those_of_the_score():
    rows = [(0, 1, 60, 127), (1, 2, 64, 1), (0, 4, 48, 90, 1)]
    score = Score.from_notes(rows, tempos=((0, 120), (2, 60)), time_signatures=((0, 2, 4),))
    page = plots.follow(score).page
    data = json.loads(re.search(r"end } = (\{.*?\});", page)[1])
    starts, ends = score.seconds()
    np.testing.assert_allclose(data["starts"], starts)
    np.testing.assert_allclose(data["ends"], ends)
    assert data["end"] == pytest.approx(len(sound_of(page)) / 22050, abs=1e-3)
    notes = {e.get("id"): e for e in map(ElementTree.fromstring, re.findall(r"<rect id=\"roll[^>]*/>", page))}
    assert list(notes) == ["roll-0", "roll-1", "roll-2"]
    for i, note in enumerate(notes.values()):
        assert float(note.get("x")) == pytest.approx(starts[i] * SCALE)
        assert float(note.get("width")) == pytest.approx((ends[i] - starts[i]) * SCALE)
        assert note.get("fill") == PALETTE[score.part[i]]
    heights = [float(note.get("y")) for note in notes.values()]
    assert np.array_equal(np.argsort(heights), np.argsort(-score.pitch))
    opacity = [float(note.get("fill-opacity")) for note in notes.values()]
    assert np.array_equal(np.argsort(opacity), np.argsort(score.velocity))
    assert [float(x) for x in re.findall(r'#bbb" d="M([\d.]+)', page)] == [0, 60]  # two bars
    assert ">C4</text>" in page and ">C3</text>" in page


def test_the_sound_begins_when_the_notes_do():
    score = Score.from_notes([(1, 0.25, 60), (3, 0.25, 67), (6, 0.25, 72)])
    sound = np.abs(sound_of(plots.follow(score).page))
    for start in score.seconds()[0]:
        at = round(start * 22050)
        before, after = sound[at - 220 : at].max(), sound[at : at + 660]
        assert after.max() > 10 * before + 0.05  # within 30 ms


def test_a_player_is_one_element_without_any_address(tmp_path):
    player = plots.follow(Score.from_notes([(0, 1, 60)], title='"A" & <b>'))
    elements = []
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, attributes: elements.append((tag, dict(attributes)))
    parser.feed(player._repr_html_())
    ((tag, attributes),) = elements
    assert tag == "iframe" and attributes["srcdoc"] == player.page and attributes["title"] == '"A" & <b>'
    addresses = set(re.findall(r"\w+://[^\"' )]+", player.page))
    assert all(address.startswith("http://www.w3.org/") for address in addresses)  # names of SVG, not places
    assert "<title>&quot;A&quot; &amp; &lt;b&gt;</title>" in player.page
    path = player.save(tmp_path / "new" / "player.html")
    assert path.read_text("utf-8") == player.page
    with pytest.raises(ValueError, match="saved as .html"):
        player.save(tmp_path / "player.svg")


def test_the_notation_is_the_given_one():
    score = Score.from_notes([(0, 1, 60), (1, 1, 62)])
    assert 'id="jianpu-1"' in plots.follow(score, plots.jianpu(score)).page
    coloured = plots.staff(score, values=[0.0, 1.0])
    assert coloured.pages[0] in plots.follow(score, coloured).page
    with pytest.raises(ValueError, match="the notation has 2 notes and the score 1"):
        plots.follow(score.slice(0, 1), coloured)


def test_what_cannot_be_followed_is_refused():
    with pytest.raises(ValueError, match="no notes"):
        plots.follow(Score.from_notes([]))
    with pytest.raises(ValueError, match=r"120\.0 minutes.*10.*score\.slice"):
        plots.follow(Score.from_notes([(0, 2 * 60 * 120, 60)]))
    assert LONGEST == 600
