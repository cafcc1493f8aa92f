"""Makes the examples that the README shows, from the runs that ship with the repository.

.venv/bin/python outputs/examples/make_examples.py
"""

from __future__ import annotations

import pathlib
import sys

import matplotlib.pyplot as plt
import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
sys.path.insert(0, str(ROOT))

from musiclib import audio, corpus, dataset, evaluation, plots, sampling, style, training, writers  # noqa: E402
from musiclib.score import Score, meter  # noqa: E402

# The run and a seed.
RUNS = (("bach_lstm", 4), ("bach_gru_attention", 3), ("bach_transformer", 4), ("jsb_gru", 3))
TEMPO = 92  # quarter notes a minute
BEATS = 32  # quarter lengths that are drawn
HEARD = 16  # quarter lengths of sound, to keep the files small; the MIDI files hold all


def main() -> None:
    pieces, runs = {}, {}
    for name, seed in RUNS:
        run = runs[name] = training.load_run(ROOT / "models" / name)
        several = sampling.generate(run, count=8, temperature=0.9, top_p=0.95, tempo=TEMPO, seed=seed)
        # Of eight that end by themselves the middle one in length: a whole piece, with its cadences.
        ended = [piece for piece, has_ended in zip(several, several.ended, strict=True) if has_ended]
        pieces[name] = sorted(ended, key=lambda piece: piece.end)[len(ended) // 2]
        writers.write_midi(pieces[name], FOLDER / f"{name}.mid")
        audio.write_wav(pieces[name].slice(0, HEARD), FOLDER / f"{name}.wav", sample_rate=16000)
    real = corpus.load("bach", limit=1, seed=4, progress=False).scores[0]
    encoding = training.load_run(ROOT / "models" / "bach_lstm").encoding
    encoded = encoding.decode(encoding.encode(real))
    figure, axes = plt.subplots(2, 1, figsize=(11, 6.5), layout="constrained")
    titles = ("a chorale by Bach, as the network is given it", "composed by the LSTM")
    plots.compare(encoded.slice(0, BEATS), pieces["bach_lstm"].slice(0, BEATS), ax=axes, titles=titles)
    figure.savefig(FOLDER / "compare.png", dpi=110)
    figure, ax = plt.subplots(figsize=(11, 4), layout="constrained")
    plots.piano_roll(pieces["jsb_gru"].slice(0, BEATS), ax=ax, title="four voices, composed by the chorale GRU")
    figure.savefig(FOLDER / "jsb_gru.png", dpi=110)
    # Split as for their training: whatever they learned from is no test piece. The benchmark's run learned elsewhere.
    split = corpus.split(corpus.load("bach", progress=False), validation=0.1, test=0.1, seed=0)
    card = evaluation.card({name: run for name, run in runs.items() if name.startswith("bach")}, split)
    text = f"# The shipped runs and real music, side by side\n\n{card.to_markdown()}\n![](card.png)\n"
    (FOLDER / "card.md").write_text(text, encoding="utf-8")
    card.figure().savefig(FOLDER / "card.png", dpi=90)
    harmony()
    answer()
    styles()
    notation()
    sound()


def sound() -> None:
    """Continues one second of a tune that the network of sound was not trained on, frame by frame."""
    run = training.load_run(ROOT / "models" / "folk_sound")
    frames = run.encoding.encode(unseen(run, "oneills1850", 400)[0])[:200]
    rate = round(run.encoding.rate)
    new = sampling.generate_frames(run, 9, primer=frames[:rate], seed=4)[0]
    new = np.concatenate([frames[:rate], new])
    audio.write_wav(run.encoding.decode(new), FOLDER / "folk_sound.wav", run.encoding.sample_rate)
    figure, axes = plt.subplots(2, 1, figsize=(11, 5), layout="constrained")
    titles = ("a tune, rendered", "its first second, continued by the network")
    for ax, part, title in zip(axes, (frames, new), titles, strict=True):
        plots.spectrogram(part, rate, ax, title)
    figure.savefig(FOLDER / "folk_sound.png", dpi=70)


def harmony() -> None:
    """Draws a chorale that the harmonizer was not trained on above what it writes to its soprano."""
    run = training.load_run(ROOT / "models" / "bach_harmonizer")
    original = unseen(run, "bach", 60)[0]
    melody = run.source_encoding.decode(run.source_encoding.encode(original)).select("Soprano")
    melody = melody.replace(time_signatures=original.time_signatures)  # for the bar lines
    harmonized = sampling.harmonize(run, melody, temperature=0.6, seed=7)[0].replace(tempos=((0, TEMPO),))
    writers.write_midi(harmonized, FOLDER / "bach_harmonizer.mid")
    audio.write_wav(harmonized.slice(0, 8), FOLDER / "bach_harmonizer.wav", sample_rate=16000)
    figure, axes = plt.subplots(2, 1, figsize=(11, 6.5), layout="constrained")
    titles = ("a chorale by Bach", "its soprano, harmonized")
    plots.compare(original.slice(0, BEATS), harmonized.slice(0, BEATS), ax=axes, titles=titles)
    figure.savefig(FOLDER / "bach_harmonizer.png", dpi=80)


def styles() -> None:
    """Writes a Scottish tune, and what it becomes in three styles."""
    run = training.load_run(ROOT / "models" / "folk_styles")
    tunes = corpus.load("airdsAirs", progress=False)
    tune = next(s for n, s in zip(tunes.names, tunes.scores, strict=True) if "The Bonton" in n)
    tune = tune.replace(tempos=((0, TEMPO),))
    versions = {name: style.transfer(run, tune, name, seed=0) for name in run.model.styles}
    together = tune.slice(0, 8)
    for number, version in enumerate(versions.values(), start=1):
        together = together.then(version.slice(0, 8), start=9.0 * number)
    writers.write_midi(together, FOLDER / "four_styles.mid")
    audio.write_wav(together, FOLDER / "four_styles.wav", sample_rate=16000)
    figure, axes = plt.subplots(2, 2, figsize=(12, 6), layout="constrained")
    names = [f"in {name} style" for name in versions]
    plots.piano_rolls([tune, *versions.values()], axes.flat, ["a Scottish tune", *names])
    figure.savefig(FOLDER / "four_styles.png", dpi=80)


def notation() -> None:
    """Writes the first phrases of four voices in staff and numbered notation, as a piano roll and as a player."""
    run = training.load_run(ROOT / "models" / "jsb_gru")
    piece = sampling.generate(run, count=8, tempo=TEMPO, seed=2)[5].slice(0, BEATS)
    sheet, numbers = plots.staff(piece, color="parts", names=True), plots.jianpu(piece)
    for suffix in ("svg", "png"):
        sheet.save(FOLDER / f"notation_staff.{suffix}")
        numbers.save(FOLDER / f"notation_jianpu.{suffix}")
    plots.follow(piece, sheet).save(FOLDER / "notation_follow.html")
    figure, ax = plt.subplots(figsize=(11, 4), layout="constrained")
    plots.piano_roll(piece, ax=ax, title="the same notes as a piano roll")
    figure.savefig(FOLDER / "notation_roll.png", dpi=80)
    known, nats = evaluation.surprise(run, piece)
    plots.staff(known, values=nats, label="nats per note").save(FOLDER / "surprise.png")


def answer() -> None:
    """Writes four bars of a fiddle tune that the network was not trained on, and its answer to them."""
    run = training.load_run(ROOT / "models" / "fiddle_answers")
    phrase = next(found[0][0] for score in unseen(run, "ryansMammoth", 150) if (found := dataset.phrases(score)))
    options = {"source": phrase, "temperature": 0.7, "tempo": TEMPO, "seed": 7}
    bars = 4 * meter.bar_length(phrase.time_signatures)  # quarter lengths of those given, and of the answer
    answer = sampling.generate(run, **options)[0].slice(0, bars)
    writers.write_midi(phrase.replace(tempos=answer.tempos).then(answer, start=bars), FOLDER / "fiddle_answers.mid")


def unseen(run: training.Run, source: str, limit: int) -> list[Score]:
    """Returns pieces of a corpus that neither training nor its end was decided by."""
    music = corpus.load(source, limit=limit, seed=1, progress=False)
    names = set(run.about["dataset"]["test_names"])
    return [score for name, score in zip(music.names, music.scores, strict=True) if name in names]


if __name__ == "__main__":
    main()
