"""Everyday slips: what is given in the place of something else is named, with what to do, in one sentence."""

import pathlib

import numpy as np
import pytest

from musiclib import (
    audio,
    corpus,
    dataset,
    encodings,
    evaluation,
    models,
    plots,
    sampling,
    style,
    training,
    writers,
)
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.encodings.vocabulary import RESERVED, Vocabulary
from musiclib.evaluation import bars, content, statistics
from musiclib.score import Score, estimates, melody, voice_leading
from musiclib.training import Run

PIECE = Score.from_notes([(i, 1, 60 + i % 7) for i in range(16)])
PIECES = [PIECE] * 4
NAMES = tuple(f"piece {i}" for i in range(20))
CORPUS = corpus.Corpus(NAMES[:4], tuple(PIECES))


def tune(seed):
    line = 60 + np.clip(np.cumsum(np.random.default_rng(seed).integers(-4, 5, 40)), -24, 24)
    return Score.from_notes([(i, 1, int(pitch)) for i, pitch in enumerate(line)])


TUNES = corpus.Corpus(NAMES, tuple(tune(i) for i in range(20)))
SPLIT = corpus.split(TUNES)


@pytest.fixture(scope="module")
def run():
    vocabulary = Vocabulary((*RESERVED, "C4:1", "D4:1"))
    model = models.build("stacked_lstm", len(vocabulary), units=[4], embedding_size=4)
    return Run(model, vocabulary, encodings.NoteChord(), Config(), {}, {})


ONE_SCORE = {
    "write_midi": lambda music, run: writers.write_midi(music, "never.mid"),
    "write_musicxml": lambda music, run: writers.write_musicxml(music, "never.xml"),
    "write_wav": lambda music, run: audio.write_wav(music, "never.wav"),
    "player": lambda music, run: audio.player(music),
    "synthesize": lambda music, run: audio.synthesize(music),
    "synthesize_loop": lambda music, run: audio.synthesize_loop(music),
    "piano_roll": lambda music, run: plots.piano_roll(music),
    "compare": lambda music, run: plots.compare(PIECE, music),
    "staff": lambda music, run: plots.staff(music),
    "jianpu": lambda music, run: plots.jianpu(music),
    "follow": lambda music, run: plots.follow(music),
    "transfer": lambda music, run: style.transfer(run, music, "Irish"),
    "primer": lambda music, run: sampling.generate(run, primer=music),
    "surprise": lambda music, run: evaluation.surprise(run, music),
    "kept": lambda music, run: content.kept(PIECE, music),
    "an estimate": lambda music, run: estimates.key(music),
    "top_line": lambda music, run: melody.top_line(music),
    "parallels": lambda music, run: voice_leading.parallels(music),
    **{name: lambda music, run, f=f: f(music) for name, f in statistics.STATISTICS.items()},
    **{
        f"{encoding.name}.encode": lambda music, run, encoding=encoding: encoding.encode(music)
        for encoding in (
            encodings.NoteChord(), encodings.Frames(), encodings.NoteEvents(), encodings.Performance(),
            encodings.Chorale(), encodings.Phrases(),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("function", ONE_SCORE)
def test_a_list_of_pieces_in_the_place_of_one(function, run):
    with pytest.raises(ValueError) as error:
        ONE_SCORE[function](PIECES, run)
    assert (
        str(error.value) == f"{function} takes one Score, and this is a list of 4 pieces: give one, such as pieces[0]"
    )


@pytest.mark.parametrize(
    ("music", "remedy"),
    [
        (sampling.constraints.Generated(PIECES, [{}] * 4, [True] * 4), "a list of 4 pieces: give one, such as pieces[0]"),
        ([PIECE], "a list of 1 piece: give one, such as pieces[0]"),
        ([], "an empty list: give a piece"),
        (CORPUS, "a corpus of 4 pieces: give one, such as corpus.scores[0]"),
        (SPLIT, "a split corpus: give one piece, such as split.test.scores[0]"),
        ("tune.mid", "text or a path: load the music first, readers.read_score('tune.mid')"),
        (pathlib.Path("tune.mid"), "text or a path: load the music first, readers.read_score('tune.mid')"),
        (pathlib.Path(__file__).parent, f"text or a path: load the music first, corpus.load('{pathlib.Path(__file__).parent}')"),
        ([pathlib.Path("a.mid")], "a list of paths: load them first, corpus.load(paths)"),
        (["C4:1", "D4:1"], "a list of tokens: decode them first, encoding.decode(tokens)"),
        ([4, 5, 6], "ids: decode them first, run.encoding.decode(run.vocabulary.to_tokens(ids))"),
        (np.array([4, 5, 6]), "ids: decode them first, run.encoding.decode(run.vocabulary.to_tokens(ids))"),
        ((PIECE, np.zeros(3)), "a tuple with a Score at 0: give that, as in result[0]"),
        ((piece for piece in PIECES), "a generator: give one of its pieces, as in next(pieces)"),
        (Score, "the class Score: give an object of it"),
        (None, "None: readers.read_score and sampling.generate make Scores"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_what_stands_in_the_place_of_a_score(music, remedy):
    with pytest.raises(ValueError) as error:
        writers.write_midi(music, "never.mid")
    assert str(error.value) == f"write_midi takes one Score, and this is {remedy}"


@pytest.mark.parametrize("write", [writers.write_midi, writers.write_musicxml, audio.write_wav])
def test_the_path_before_the_score(write):
    name = write.__name__
    with pytest.raises(ValueError, match=rf"{name} takes the Score first and then the path: {name}\(score, 'a.b'\)"):
        write("a.b", PIECE)


def test_a_run_a_dataset_and_its_parts_in_the_place_of_a_score(run):
    data = dataset.prepare(SPLIT, encodings.NoteChord())
    for music, remedy in ((run, "a run: compose with it first"), (data, "a dataset: decode a piece"),
                          (data.train, "pieces as ids: decode one")):  # fmt: skip
        with pytest.raises(ValueError, match=remedy):
            audio.player(music)


@pytest.mark.parametrize(
    "call",
    [
        statistics.measure, bars.bar_measures, lambda music: plots.piano_rolls(music, [], []),
        lambda music: evaluation.Originality(music, []),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("music", "remedy"), [(PIECE, r"this is one Score: give \[score\]"), (CORPUS, "corpus.scores"),
                                               ([PIECE, "x.mid"], "its item 1 is text or a path")])  # fmt: skip
def test_one_piece_or_a_corpus_in_the_place_of_a_list(call, music, remedy):
    with pytest.raises(ValueError, match=f"takes a list of Scores, and .*{remedy}"):
        call(music)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"tempos": 96}, r"got 96; write tempos=\(\(0, 96\),\)"),
        ({"tempos": (0, 96)}, r"write tempos=\(\(0, 96\),\)"),
        ({"time_signatures": "3/4"}, r"write time_signatures=\(\(0, 3, 4\),\)"),
        ({"time_signatures": ((3, 4),)}, r"write time_signatures=\(\(0, 3, 4\),\)"),
        ({"time_signatures": (0, 6, 8)}, r"write time_signatures=\(\(0, 6, 8\),\)"),
        ({"key_signatures": "C minor"}, r"\(\(0, -3, 'minor'\),\) for C minor"),
        ({"programs": 40}, r"write programs=\(40,\)"),
        ({"tempos": ((0, "fast"),)}, r"got \(\(0, 'fast'\),\); write tempos=\(\(0, 96\),\)"),
        ({"key_signatures": ((0, 3, 4),)}, r"\(\(0, -3, 'minor'\),\) for C minor"),
        ({"programs": (1.5,)}, r"programs must lie between 0 and 127, or be 128 for drums, got \[1.5\]"),
        ({"programs": (None,)}, r"got \[None\]"),
        ({"programs": ("Violin",)}, r"score.instruments.program\('Violin'\)"),
        ({"part_names": "x"}, r"write part_names=\('x',\)"),
        ({"tempo": 96}, "no field 'tempo'; did you mean tempos"),
        ({"colour": "red"}, "no field 'colour'; it has onset, duration"),
    ],
    ids=str,
)
def test_the_form_of_a_field_is_shown(changes, remedy):
    with pytest.raises(ValueError, match=remedy):
        PIECE.replace(**changes)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (
            lambda: dataset.prepare(CORPUS, encodings.NoteChord()),
            r"prepare takes a split corpus.*corpus.split\(music\)",
        ),
        (lambda: dataset.prepare(PIECES, encodings.NoteChord()), "this is of the type list: split a corpus first"),
        (lambda: dataset.prepare(SPLIT, encodings.NoteChord), r"the class NoteChord: write NoteChord\(\)"),
        (lambda: dataset.prepare(SPLIT, "Frames"), r"such as encodings.Frames\(\)"),
        (
            lambda: dataset.prepare_pairs(CORPUS, encodings.NoteChord(), encodings.NoteChord()),
            "prepare_pairs takes a split",
        ),
        (lambda: dataset.prepare_pairs(SPLIT, encodings.NoteChord(), encodings.Frames), r"write Frames\(\)"),
        (lambda: dataset.prepare_sound(CORPUS, encodings.Spectra()), "prepare_sound takes a split corpus"),
        (lambda: dataset.prepare_sound(SPLIT, encodings.Spectra), r"write Spectra\(\)"),
        (lambda: corpus.split(PIECES), r"make one of Scores, corpus.Corpus\(names, scores\)"),
        (lambda: corpus.split("bach"), r"load it first, corpus.load\('bach'\)"),
        (lambda: corpus.split(SPLIT), "is split already"),
        (lambda: training.train(SPLIT, Config()), r"encode it first, dataset.prepare\(split"),
        (lambda: training.train(CORPUS, Config()), "split and encode it first"),
        (lambda: training.train("data/prepared", Config()), r"dataset.Dataset.load\('data/prepared'\)"),
        (lambda: training.train(DATA, "quick"), r"config.preset\('quick', model='stacked_lstm'\)"),
        (lambda: training.train(DATA, TrainingConfig()), r"config.Config\(training=settings\)"),
        (lambda: training.train(DATA.train, Config()), "one part of a dataset"),
        (lambda: evaluation.nats_per_token("models/x", DATA.test), "load it first"),
        (lambda: evaluation.surprise("models/x", PIECE), "load it first"),
    ],
)
def test_a_step_that_was_left_out_is_named(call, remedy):
    with pytest.raises(ValueError, match=remedy):
        call()


DATA = dataset.prepare(SPLIT, encodings.NoteChord())


def small(**training_options):
    options = {"units": [4], "embedding_size": 4}
    return Config("slip", ModelConfig("stacked_lstm", options), TrainingConfig(epochs=1, **training_options))


@pytest.mark.parametrize(
    ("split", "remedy"),
    [
        ({"validation": 0}, r"validation part of this dataset is empty.* its 20 pieces .*validation=0.1\)"),
        ({"validation": 0, "test": 0.9}, r"validation part of this dataset is empty"),
    ],
)
def test_an_empty_validation_part_is_the_cause(split, remedy):
    data = dataset.prepare(corpus.split(TUNES, **split), encodings.NoteChord())
    with pytest.raises(ValueError, match=remedy):
        training.train(data, small(window=8), progress=False)


def test_an_encoding_that_leaves_no_example_is_the_cause():
    with pytest.raises(ValueError, match="the 16 training pieces have no example for Phrases"):
        dataset.prepare(SPLIT, encodings.Phrases(bars=30))
    short = corpus.Corpus(("short",), (Score.from_notes([(0, 1, 60)]),))
    data = dataset.prepare(corpus.Split(SPLIT.train, short, short), encodings.Phrases(bars=2))
    with pytest.raises(
        ValueError, match="validation part of this dataset is empty: the 1 pieces in it have no example"
    ):
        training.train(data, small(window=8), progress=False)


def test_a_window_far_beyond_the_longest_piece_is_refused_with_its_length():
    longest = max(map(len, DATA.train))
    with pytest.raises(ValueError, match=f"window=100,000 is far beyond the longest piece, which has {longest} ids"):
        training.train(DATA, small(window=10**5), progress=False)


def test_a_window_somewhat_longer_than_the_pieces_is_allowed():
    training.checking.check_window(DATA, 2048)
    with pytest.raises(ValueError, match="window=2,049"):
        training.checking.check_window(DATA, 2049)


@pytest.mark.parametrize(
    ("pieces", "options", "remedy"),
    [
        (1, {}, "^1 piece cannot be split .*; give at least 6 pieces$"),
        (5, {}, "give at least 6 pieces, or larger fractions, such as validation=0.2 and test=0.2$"),
        (20, {"validation": 0.01, "test": 0}, "give at least 51 pieces, or larger fractions, such as validation=0.05"),
        (20, {"validation": 0.001}, "give at least 501 pieces"),
    ],
)
def test_the_smallest_corpus_that_can_be_split_is_said(pieces, options, remedy):
    with pytest.raises(ValueError, match=remedy) as error:
        corpus.split(TUNES.take(range(pieces)), **options)
    enough = int(str(error.value).split("at least ")[1].split()[0])
    made = corpus.Corpus(tuple(map(str, range(enough))), tuple(tune(i) for i in range(enough)))
    assert len(corpus.split(made, **options).validation)


@pytest.mark.parametrize(("seeds", "cause"), [([0] * 12, "one melody"), ([0] * 6 + [1] * 6, "2 different melodies")])
def test_pieces_of_one_melody_are_the_cause(seeds, cause):
    music = corpus.Corpus(NAMES[:12], tuple(tune(seed) for seed in seeds))
    with pytest.raises(ValueError, match=f"they have {cause} between them.*; add 2 or more pieces of other melodies"):
        corpus.split(music)
    more = corpus.Corpus(NAMES[:14], tuple(tune(seed) for seed in [*seeds, 7, 8]))
    assert all(map(len, (corpus.split(more).validation, corpus.split(more).test)))
