"""Trains the runs that ship in this folder, and measures them: ``make shipped``.

One of them alone: ``python models/train_shipped.py bach_lstm``. Each takes half an hour to
an hour on two CPU cores. ``results.json`` in the run's folder holds what was measured; with
``--measure`` first, the runs that are there are measured again and not trained.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import json
import pathlib
import sys
import time
import zipfile
from collections.abc import Callable

import h5py
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from benchmarks import jsb as benchmark  # noqa: E402
from musiclib import audio, config, corpus, dataset, encodings, evaluation, sampling, style, training  # noqa: E402
from musiclib.config import Config, ModelConfig  # noqa: E402
from musiclib.corpus import download, jsb  # noqa: E402
from musiclib.dataset import Pieces  # noqa: E402
from musiclib.dataset.pieces import rows  # noqa: E402

BARS = {"length": 130, "encoder": [192], "plan": [128, 32], "attributes": [], "annealing": 500}  # in four voices
FOUR_VOICES = encodings.Phrases(voices="SBAT", metres=["4/4"])
SEQ2SEQ = {"units": 192, "embedding_size": 64, "teacher_forcing": [1.0, 0.9], "annealing": 10}
# Two LSTM layers of one size learn sooner than 512 and 256: on two cores, time is what is short.
# The GRU's narrow head learns little under the tutorial's dropout of 0.3.
CONFIGS = {
    "bach_lstm": Config("shipped", ModelConfig("stacked_lstm", {"units": [256, 256], "dropout": 0.4})),
    "bach_gru_attention": Config("shipped", ModelConfig("gru_attention", {"units": 192, "dropout": 0.1})).replace(
        learning_rate=3e-3
    ),
    "bach_transformer": Config(
        "shipped",
        ModelConfig("transformer", {"units": 192, "layers": 4, "heads": 4, "context_length": 192, "dropout": 0.3}),
    ).replace(window=192, batch_size=16, epochs=24, learning_rate=1e-3, patience=4, weight_decay=0.05, average=0.998),
    "bach_harmonizer": Config(
        "shipped",
        # A reach of four beats either way: a melody of any length is then looked at as the crops of the training were.
        ModelConfig("seq2seq", {**SEQ2SEQ, "units": 256, "pace": 3, "reach": 16, "dropout": 0.3}),
    ).replace(
        window=128, align=4, batch_size=16, epochs=48, learning_rate=3e-3, patience=10, weight_decay=0.02, average=0.998
    ),
    "fiddle_answers": Config(
        "shipped",
        ModelConfig("seq2seq", {**SEQ2SEQ, "dropout": 0.4}),
    ).replace(window=192, batch_size=16, epochs=16, learning_rate=3e-3, patience=8),
    "tunes_vae": dataclasses.replace(config.preset("full", "vae"), preset="shipped").replace(minutes=20),
    "bars_vae": Config(
        "shipped", ModelConfig("vae", {**BARS, "units": 64, "beta": 0.3}), config.preset("full", "vae").training
    ).replace(window=130, batch_size=64, average=0.995, minutes=8),
    "folk_styles": dataclasses.replace(config.preset("full", "style_vae"), preset="shipped").replace(minutes=25),
    "choral_styles": Config(
        "shipped",
        ModelConfig("style_vae", {**BARS, "units": 96, "context": 12, "beta": 0.2}),
        config.preset("full", "style_vae").training,
    ).replace(window=130, batch_size=64, average=0.995, minutes=12),
    "folk_sound": Config(
        "shipped", ModelConfig("spectral_lstm", {"units": [256, 256], "components": 12}), config.TrainingConfig()
    ).replace(window=96, batch_size=8, epochs=300, learning_rate=2e-3, patience=20, average=0.995, minutes=28),
    "bars_gan": dataclasses.replace(config.preset("full", "gan"), preset="shipped").replace(minutes=40),
    "chorale_infill": config.preset("full", "chorale_infill").replace(average=0.996, epochs=8, minutes=32),
    "tune_infill": config.preset("full", "gru_infill").replace(minutes=26),
}
TUNES = ("oneills1850", "airdsAirs", "ryansMammoth")


def prepare() -> dataset.Dataset:
    """Splits the chorales and writes the training ones in twelve keys."""
    split = chorales()
    return dataset.prepare(split, encodings.NoteChord(sustain=True), transpositions=range(-5, 7))


def melodies_and_voices() -> dataset.Pairs:
    """Takes the sopranos of the same chorales for sources, and their other voices for targets."""
    split = chorales()
    soprano, others = (encodings.Chorale(holds=True, voices=voices) for voices in ("S", "BAT"))
    return dataset.prepare_pairs(split, soprano, others, transpositions=range(-5, 7))


def phrases_and_answers() -> dataset.Pairs:
    """Takes four bars of a fiddle tune for a source, and the four that follow for its target."""
    split = corpus.split(corpus.load("ryansMammoth"), validation=0.1, test=0.1, seed=0)
    events = encodings.NoteEvents(velocities=1)
    return dataset.prepare_pairs(split, events, events, dataset.phrases, transpositions=range(-5, 7))


def tunes() -> corpus.Split:
    """Splits the Irish, Scottish and American tunes; settings of one melody stay on one side."""
    return corpus.split(corpus.load(TUNES), validation=0.1, test=0.1, seed=0)


def phrases_of_tunes() -> dataset.Dataset:
    """Writes two-bar phrases of the tunes in twelve keys."""
    return dataset.prepare(tunes(), encodings.Phrases(), transpositions=range(-5, 7))


def grids_of_tunes() -> dataset.Dataset:
    """Writes the tunes on a grid of sixteenths, in twelve keys."""
    return dataset.prepare(tunes(), encodings.Chorale(holds=True, voices="S"), transpositions=range(-5, 7))


def chorales_of_the_benchmark() -> dataset.Dataset:
    """Writes the chorales that ``jsb_gru`` was trained on, in the same keys."""
    path = download.fetch(jsb.URL, None, config.folders().data / "Jsb16thSeparated.json")
    return benchmark.prepare(jsb.load(path))


def chorales() -> corpus.Split:
    """Splits the chorales."""
    return corpus.split(corpus.load("bach"), validation=0.1, test=0.1, seed=0)


def bars_of_chorales() -> dataset.Dataset:
    """Writes two-bar phrases of the chorales in 4/4 in twelve keys."""
    return dataset.prepare(chorales(), FOUR_VOICES, transpositions=range(-5, 7))


def split_styles(name: str) -> corpus.Split:
    """Splits the pieces of a run's styles; a large part is held out for the judge."""
    pieces = corpus.load(style.FOLK, limit=1500) if name == "folk_styles" else style.choral()
    return corpus.split(pieces, validation=0.1, test=0.3, seed=0)


def phrases_of_styles(name: str) -> dataset.Dataset:
    """Writes labelled two-bar phrases in twelve keys, of melodies or in four voices."""
    encoding = encodings.Phrases() if name == "folk_styles" else FOUR_VOICES
    return dataset.prepare(split_styles(name), encoding, transpositions=range(-5, 7))


def measure_styles(name: str, run: training.Run, data: dataset.Dataset) -> dict:
    """Transfers every second test piece; the others, and the validation pieces, are what the judge learns from."""
    split, measures = split_styles(name), style.measures
    judge = style.Judge(corpus.join([split.validation, split.test.take(range(0, len(split.test), 2))]))
    # Enough of them: the share has a standard error of at most 0.03.
    known = [i for i in range(1, len(split.test), 2) if data.encoding.examples(split.test.scores[i])]
    pieces = split.test.take(known[:: max(round(len(known) / 300), 1)])  # the styles stand one after the other
    to = measures.targets(pieces)
    corners = measures.corners(judge, pieces, to)
    identity, random = corners[:2]

    def row(found) -> dict:
        return {**dataclasses.asdict(found), "above_the_line": found.above(identity, random)}

    tune = max(pieces.scores, key=lambda score: score.end * (score.end <= 64))
    style.transfer(run, tune, run.model.styles[0])
    start = time.perf_counter()
    style.transfer(run, tune, run.model.styles[-1], seed=1)
    seconds = time.perf_counter() - start
    return {
        "reconstruction": dataclasses.asdict(evaluation.latent.reconstruction(run, some(data.unlabelled().test))),
        "pieces": len(pieces),
        "accuracy_of_the_judge": judge.accuracy(pieces),
        "corners": [dataclasses.asdict(corner) for corner in corners],
        "style_tokens_only": row(measures.outcome("tokens", judge, pieces, measures.swapped(run, pieces, to), to)),
        "style_vectors_only": row(measures.outcome("vectors", judge, pieces, measures.moved(run, pieces, to), to)),
        "transfer": [row(found) for found in measures.curve(run, judge, pieces, to)],
        f"seconds_for_{tune.end:g}_quarter_lengths": seconds,
    }


def sound_of_tunes() -> dataset.Dataset:
    """Renders Irish tunes with the SoundFont, and cuts two excerpts of 10 seconds from each."""
    split = corpus.split(corpus.load("oneills1850", limit=400), validation=0.1, test=0.1, seed=0)
    return dataset.prepare_sound(split, encodings.Spectra(), excerpts=2)


def measure_sound(run: training.Run, data: dataset.Dataset) -> dict:
    """Predicts frames of test excerpts, and continues their first second for 10 seconds.

    Beside it the same network trained for 6 minutes with the squared error, without noise and scheduled sampling.
    """
    spectral, encoding = evaluation.spectral, data.encoding
    plain = {"head": "squared", "noise": 0.0, "own_inputs": 0.0}
    model = dataclasses.replace(run.config.model, options={**run.config.model.options, **plain})
    textbook = dataclasses.replace(run.config, model=model).replace(minutes=6)
    folder = pathlib.Path(__file__).resolve().parent / "folk_sound_textbook"
    runs = {"mixture": run, "squared error": training.train(data, textbook, folder)}
    excerpts = [*data.test][:24]
    primers = [excerpt[: round(encoding.rate)] for excerpt in excerpts]
    heard = {
        "held-out": excerpts,
        "held-out, shuffled": [np.random.default_rng(0).permutation(excerpt) for excerpt in excerpts],
        **{
            name: [sampling.generate_frames(own, 10, primer=primer, seed=i)[0] for i, primer in enumerate(primers)]
            for name, own in runs.items()
        },
        "mixture, noise 1": [
            sampling.generate_frames(run, 10, primer=primer, noise=1.0, seed=i)[0] for i, primer in enumerate(primers)
        ],
    }
    encoding.decode(excerpts[0])  # the first call compiles
    start = time.perf_counter()
    again = encoding.encode(encoding.decode(excerpts[0]))[: len(excerpts[0])]
    seconds = time.perf_counter() - start
    score = corpus.load("oneills1850", limit=10).scores[0]
    start = time.perf_counter()
    length = len(audio.synthesize(score, encoding.sample_rate)) / encoding.sample_rate
    speed = length / (time.perf_counter() - start)
    return {
        "prediction": {name: dataclasses.asdict(value) for name, value in spectral.predictions(data, runs).items()},
        "free_running": {name: dataclasses.asdict(spectral.free_running(new, data)) for name, new in heard.items()},
        "ceiling_db": 40 * float(np.sqrt(np.mean((again - excerpts[0][: len(again)]) ** 2))),
        "seconds_from_10_s_of_frames_to_sound_and_back": seconds,
        "rendering_times_real_time": speed,
    }


def some(pieces: Pieces) -> Pieces:
    """Returns every fourth piece."""
    return Pieces.from_lists(pieces[i] for i in range(0, len(pieces), 4))


def measure_vae(run: training.Run, data: dataset.Dataset) -> dict:
    """Compares reconstructions with copying and counting, and new phrases with held-out ones under an n-gram."""
    latent = evaluation.latent
    new = np.flatnonzero(latent.unseen(data.test, data.train))
    parts = {"test_phrases": data.test, "unseen_in_any_key": Pieces.from_lists(data.test[i] for i in new)}
    hold, length = run.model.phrase_tokens.hold, run.model.length
    ngram = evaluation.NGram(data.train, len(data.vocabulary), order=4)
    results = {}
    for name, phrases in parts.items():
        targets = rows(some(phrases), length + 1)[:, 1:]
        copied = latent.nearest(some(phrases), data.train, len(data.vocabulary))[:, :length]
        results[name] = {
            "count": len(phrases),
            **dataclasses.asdict(latent.reconstruction(run, phrases)),
            "knobs": latent.knobs(run, some(phrases)),
            "nearest_training_phrase": dataclasses.asdict(latent.accuracy(copied, targets, hold)),
            f"n-gram of order {ngram.order}": {
                **dataclasses.asdict(latent.accuracy(latent.likeliest(ngram, targets), targets, hold)),
                "nats_per_token": ngram.nats_per_token(phrases),
            },
        }
    judge = latent.judge(run, tunes().validation.scores)
    results["nats_per_token_under_an_n-gram_of_validation_tunes"] = {
        "test phrases": judge.nats_per_token(data.test),
        **{f"prior, temperature {t}": latent.prior_nats(run, judge, temperature=t) for t in (1.0, 0.5)},
        "prior, likeliest tokens": latent.prior_nats(run, judge, greedy=True),
        "prior times 0.7, likeliest tokens": latent.prior_nats(run, judge, scale=0.7, greedy=True),
    }
    results["seconds_for_256_phrases"] = seconds_for(run)
    return results


def measure_bars_vae(run: training.Run, data: dataset.Dataset) -> dict:
    """Measures the reconstruction of bars; ``measure_bars`` compares new ones."""
    return {"test_phrases": dataclasses.asdict(evaluation.latent.reconstruction(run, data.test))}


def seconds_for(run: training.Run, count: int = 256) -> float:
    """Returns the seconds that so many phrases take, when the loop is compiled."""
    sampling.generate(run, count, seed=0)
    start = time.perf_counter()
    sampling.generate(run, count, seed=1)
    return time.perf_counter() - start


def measure_bars(run: training.Run, data: dataset.Dataset) -> dict:
    """Compares generated bars with training, held-out and shuffled ones, and with those of two other networks."""
    folder = pathlib.Path(__file__).resolve().parent

    def decoded(pieces: dataset.Pieces) -> list:
        return [data.encoding.decode(data.vocabulary.to_tokens(piece[1:-1])) for piece in pieces]

    held_out = decoded(data.validation) + decoded(data.test)
    # In one key: the search for copies tries all.
    known = [data.encoding.decode(t) for score in chorales().train.scores for t in data.encoding.examples(score)]
    rng = np.random.default_rng(0)
    count = len(held_out)
    columns = {
        "training": [known[i] for i in rng.permutation(len(known))[:count]],
        "held-out": held_out,
        "shuffled": evaluation.bars.shuffled(held_out),
        "GAN": sampling.generate(run, count, seed=0),
        "GAN, T=0.5": sampling.generate(run, count, temperature=0.5, seed=0),
    }
    if (folder / "bars_vae" / "config.json").is_file():
        vae = training.load_run(folder / "bars_vae")
        columns["VAE"] = sampling.generate(vae, count, seed=0)
    # Bars 3 and 4 of whole chorales: the first two would all be beginnings.
    pieces = sampling.generate(training.load_run(folder / "jsb_gru"), count, 256, seed=0)
    columns["chorale GRU"] = [piece.slice(8, 16).replace(time_signatures=((0, 4, 4),)) for piece in pieces]
    return {
        "measures": evaluation.bars.comparison(columns, held_out, known),
        "seconds_for_256_phrases": seconds_for(run),
    }


def measure(run: training.Run, data: dataset.Dataset) -> dict:
    """Compares a run with counting and with real music, on pieces that none of them has seen."""
    baseline = evaluation.best_ngram(data.train, data.validation, len(data.vocabulary))
    pieces = sampling.generate_ids(run, count=20, length=200, temperature=1.0, seed=0)
    held_out = [piece[1:-1] for piece in [*data.validation, *data.test]]
    return {
        "nats_per_token": {
            "network": {name: evaluation.nats_per_token(run, getattr(data, name)) for name in ("validation", "test")},
            f"n-gram of order {baseline.order}": {
                name: baseline.nats_per_token(getattr(data, name)) for name in ("validation", "test")
            },
        },
        "sampled_pieces": {
            "count": len(pieces),
            "median_tokens": float(np.median([len(piece) for piece in pieces])),
            "largest_share_of_one_token": max(evaluation.most_frequent_share(piece) for piece in pieces),
            "share_of_8_token_sequences_seen_in_training": evaluation.seen_share(pieces, data.train),
            "the_same_for_held_out_chorales": evaluation.seen_share(held_out, data.train),
        },
    }


def measure_pairs(run: training.Run, data: dataset.Pairs, without: training.Run) -> dict:
    """Compares a run with one that was never told a source, with counting and with real music."""
    # An order of 10 looks back over three steps of three voices, or over two and a half notes.
    orders = (4, 7, 10)
    baseline = evaluation.best_ngram(data.train.targets, data.validation.targets, len(data.vocabulary), orders)
    held_out = [piece[1:-1] for piece in data.test.targets]
    options = {"temperature": 1.0, "seed": 0}
    written = [
        sampling.generate_ids(run, 1, (run.model.pace or 4) * len(source), source=source, **options)[0]
        for source in [*data.test.sources][:20]
    ]

    def nats(measured: Callable[[dataset.PairedPieces], float], pieces: dataset.Pairs) -> dict:
        return {name: measured(getattr(pieces, name)) for name in ("validation", "test")}

    def seen(pieces: list[np.ndarray]) -> dict:
        lengths = (8, 16, 32, 64)
        return {str(length): evaluation.seen_share(pieces, data.train.targets, length) for length in lengths}

    return {
        "nats_per_token": {
            "network": nats(functools.partial(evaluation.nats_per_token, run), data),
            "the_same_trained_without_the_source": nats(
                functools.partial(evaluation.nats_per_token, without), data.hidden()
            ),
            f"n-gram of order {baseline.order}": nats(lambda part: baseline.nats_per_token(part.targets), data),
        },
        "answers_to_20_test_sources": {
            "largest_share_of_one_token": max(evaluation.most_frequent_share(piece) for piece in written),
            "the_same_for_real_ones": max(evaluation.most_frequent_share(piece) for piece in held_out),
            "share_of_token_sequences_seen_in_training_by_length": seen(written),
            "the_same_for_held_out_targets": seen(held_out),
        },
    }


def measure_infilling(run: training.Run, data: dataset.Dataset) -> dict:
    """Fills four bars, and of chorales one voice, in held-out pieces; beside real ones and networks that see less."""
    gaps, voices = evaluation.gaps, len(run.encoding.order)
    pieces = Pieces.from_lists([*(data.test if len(data.test) else data.validation)][:200])
    bars = gaps.four_bars(pieces, voices)
    known = {"this network": (run, True), "this network, what follows hidden": (run, False)}
    if voices > 1:
        beside = training.load_run(pathlib.Path(__file__).resolve().parent / "jsb_gru")
        known["jsb_gru, from left to right"] = (beside, False)

    def nats(hidden: list) -> dict:
        found = {name: gaps.nats_in_gaps(who, pieces, hidden, future) for name, (who, future) in known.items()}
        return {name: float(np.concatenate(values).mean()) for name, values in found.items()}

    results = {"pieces": len(pieces), "nats_per_token_in_gaps": {"four bars, all voices": nats(bars)}}
    if voices > 1:
        results["nats_per_token_in_gaps"]["one voice throughout"] = nats(gaps.one_voice(pieces, voices))
    columns: dict[str, list] = {}
    for i, (piece, hidden) in enumerate(zip([*pieces][:40], bars, strict=False)):
        score = run.encoding.decode(run.vocabulary.to_tokens(piece[1:-1])).replace(time_signatures=((0.0, 4, 4),))
        first, last = (np.flatnonzero(hidden)[[0, -1]] - 1) // voices // 16 + 1  # bars, from 1
        if last == first or last >= score.end // 4:
            continue  # shorter than the gap, or with nothing after it
        part = None if voices > 1 else 0
        fill = functools.partial(sampling.infill, run, score, int(first), int(last), part, seed=i)
        start = time.perf_counter()
        filled = {f"temperature {value}": fill(temperature=value)[0] for value in (1.0, 0.8)}
        results["seconds_for_four_bars"] = (time.perf_counter() - start) / 2  # of the last: then the loop is compiled
        end = 4.0 * int(last)
        if voices > 1:
            ids = sampling.generate_ids(beside, 1, int(hidden.sum()), piece[1 : np.argmax(hidden)], seed=i)[0]
            given = np.concatenate([piece[1 : np.argmax(hidden)], ids, piece[np.flatnonzero(hidden)[-1] + 1 : -1]])
            filled["jsb_gru, from left to right"] = run.encoding.decode(run.vocabulary.to_tokens(given))
        for name, music in {"real": score, **filled}.items():
            columns.setdefault(name, []).append((music.slice(end - 16, end), seams(music, end)))
    for name, found in columns.items():
        moves = np.sum([evaluation.parallels(music) for music, _ in found], axis=0)
        leaps = np.concatenate([leaps for _, leaps in found])
        results[name] = {
            "gaps": len(found),
            "parallels_per_1000_moves": float(1000 * moves[0] / max(moves[1], 1)),
            "notes_per_bar": float(np.mean([len(music) for music, _ in found]) / 4),
            "mean_interval_at_the_end_of_the_gap": float(np.mean(leaps)),
            "share_of_leaps_of_over_5_semitones_there": float(np.mean(leaps > 5)),
        }
    return results


def seams(score, time: float) -> np.ndarray:
    """Returns the interval of each part over a bar line, in semitones."""
    found = []
    for part in np.unique(score.part):
        line = score.select(int(part))
        before, after = line.pitch[line.onset < time], line.pitch[line.onset + line.duration > time]
        if len(before) and len(after):
            found.append(abs(int(before[-1]) - int(after[0])))
    return np.array(found)


PHRASES = {
    "chorale_infill": (chorales_of_the_benchmark, measure_infilling),
    "tune_infill": (grids_of_tunes, measure_infilling),
    "tunes_vae": (phrases_of_tunes, measure_vae),
    "bars_vae": (bars_of_chorales, measure_bars_vae),
    "bars_gan": (bars_of_chorales, measure_bars),
    "folk_sound": (sound_of_tunes, measure_sound),
    **{
        name: (functools.partial(phrases_of_styles, name), functools.partial(measure_styles, name))
        for name in ("folk_styles", "choral_styles")
    },
}
SMALL = (
    "bach_transformer",
    "bach_gru_attention",
    "jsb_gru",
    "bars_vae",
    "folk_styles",
    "choral_styles",
    "folk_sound",
    "chorale_infill",
    "tune_infill",
)  # their weights are shipped in half precision
PAIRS = {"bach_harmonizer": melodies_and_voices, "fiddle_answers": phrases_and_answers}


def halve(folder: pathlib.Path) -> None:
    """Saves the weights of a run in half precision; loading turns them into float32 again."""
    path, new = folder / "model.keras", io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith(".h5"):
                weights = io.BytesIO()
                with h5py.File(io.BytesIO(content)) as source, h5py.File(weights, "w") as target:
                    copy_halved(source, target)
                content = weights.getvalue()
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    path.write_bytes(new.getvalue())
    about = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    about["sha256"]["model.keras"] = hashlib.sha256(new.getvalue()).hexdigest()
    (folder / "config.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def copy_halved(source: h5py.Group, target: h5py.Group) -> None:
    """Copies a group of weights, float32 as float16."""
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            copy_halved(item, target.create_group(name))
        else:
            values = item[()].astype("float16") if item.dtype == "float32" and item.size > 1 else item[()]
            target.create_dataset(name, data=values).attrs.update(item.attrs)


def main() -> None:
    folder = pathlib.Path(__file__).resolve().parent
    names = [name for name in sys.argv[1:] if name != "--measure"]
    for name in names or CONFIGS:
        make, measured = PHRASES.get(name, (PAIRS.get(name, prepare), measure))
        data = make()
        if "--measure" in sys.argv:
            run = training.load_run(folder / name)
        else:
            run = training.train(data, CONFIGS[name], folder / name)
        if name in SMALL:
            halve(folder / name)
            run = training.load_run(folder / name)
        if name in PAIRS:
            without = training.train(data.hidden(), CONFIGS[name], folder / f"{name}_without_source")
            figures = measure_pairs(run, data, without)
        else:
            figures = measured(run, data)
        results = {"command": f"python models/train_shipped.py {name}", **figures}
        (folder / name / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
