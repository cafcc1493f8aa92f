"""Ratings, collaborative filtering, and music for a listener."""

import pathlib

import numpy as np
import pytest

from benchmarks.recommending import load_movielens
from musiclib import encodings, recommend, training
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.corpus import Corpus, Split
from musiclib.dataset import prepare
from musiclib.recommend import (
    Chance,
    Composer,
    Factors,
    ItemNeighbours,
    Listeners,
    Popular,
    Ratings,
    Taste,
    UserNeighbours,
    tune,
)  # fmt: skip
from musiclib.score import Score

FITTED = {
    "user cosine": lambda: UserNeighbours("cosine"),
    "user euclidean": lambda: UserNeighbours("euclidean"),
    "item cosine": lambda: ItemNeighbours("cosine"),
    "item euclidean": lambda: ItemNeighbours("euclidean"),
    "factors": lambda: Factors(6),
}
MOVIELENS = sorted(pathlib.Path(__file__).resolve().parents[1].glob("data/recbole-*.whl"))
ROWS = [("anna", "x", 5), ("anna", "y", 3), ("bela", "x", 4), ("bela", "z", 2)]


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def planted(seed=0, users=240, pieces=120, groups=4):
    """Listeners of four tastes, who mostly rate pieces of their own group; some pieces are popular with all."""
    rng = np.random.default_rng(seed)
    popular = rng.pareto(1.5, pieces) + 0.2
    rows = []
    for user in range(users):
        liked = np.arange(pieces) % groups == user % groups
        chances = popular * np.where(liked, 12, 1)
        chosen = rng.choice(pieces, 16, replace=False, p=chances / chances.sum())
        rows += [(f"u{user}", f"p{piece}", 4 + liked[piece] * rng.random()) for piece in chosen]
    return Ratings.from_rows(rows, [f"p{i}" for i in range(pieces)])


class TestRatingFile:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_any_encoding_and_delimiter_is_read_as_it_stands(self, tmp_path, encoding, delimiter):
        lines = [["User", "piece", "rating", "when"], ["Jörg", "Für Elise", "4.5", "1"], ["Anna", "Für Elise", "2", ""]]
        text = "\r\n".join(delimiter.join(cells) for cells in lines) + "\r\n\r\n"
        found = recommend.load(write(tmp_path / "ratings.csv", text, encoding))
        assert (found.users, found.pieces) == (("Jörg", "Anna"), ("Für Elise",))
        assert found.value.tolist() == [4.5, 2] and not found.plays

    def test_quoted_names_and_decimal_commas(self, tmp_path):
        path = write(tmp_path / "r.csv", 'piece;user;rating\n"a; b";anna;4,5\n')
        found = recommend.load(path)
        assert found.pieces == ("a; b",) and found.value.tolist() == [4.5]

    def test_plays_are_summed_and_grow_by_their_logarithm(self, tmp_path):
        path = write(tmp_path / "plays.csv", "user,piece,plays\nanna,x,2\nanna,y,1\nanna,x,1\n")
        found = recommend.load(path, pieces=["y", "x", "z"])
        assert found.plays and found.pieces == ("y", "x", "z")
        np.testing.assert_allclose(found.matrix().toarray(), [[np.log(2), np.log(4), 0]], rtol=1e-6)

    @pytest.mark.parametrize(
        "text, message",
        [
            ("", r"line 1: the columns are none; write a header such as user,piece,rating"),
            ("name,song,stars\na,x,4\n", r"line 1: the columns are name, song, stars; write a header"),
            ("user,piece,rating\n", r"holds no ratings below its header; add lines such as anna,x,4"),
            ("user,piece,rating\na,x,4\na,w,4\nb,v,1\n", r"line 3: 'w' is not among the 2 pieces .* nor are 1 more"),
            ("user,piece,rating\na,x,4\nb,x,4\na,x,5\n", r"line 4: user 'a' rated 'x' before, in line 2; delete one"),
            ("user,piece,rating\na,x,\n", r"line 2: the rating is missing; fill it in, or delete the line"),
            ("user,piece,rating\n ,x,3\n", r"line 2: the user is missing"),
            ("user,piece,rating\na,x,good\n", r"line 2: the rating must be a number above 0, got 'good'; correct it"),
            ("user,piece,rating\na,x,nan\n", r"line 2: the rating must be a number above 0, got 'nan'"),
            ("user,piece,plays\na,x,-1\n", r"line 2: the plays must be a number above 0, got '-1'"),
            ("user,piece,rating\na,x\n", r"line 2: 2 columns in place of 3; quote names that hold ','"),
            ("user,piece,rating\na,x,4,5\n", r"line 2: 4 columns in place of 3"),
        ],
    )
    def test_what_cannot_be_read_is_said_in_one_sentence(self, tmp_path, text, message):
        path = write(tmp_path / "ratings.csv", text)
        with pytest.raises(ValueError, match=message) as error:
            recommend.load(path, pieces=["x", "y"])
        assert "\n" not in str(error.value) and str(path) in str(error.value)

    def test_no_file_and_no_text(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="no file .*; give a CSV file with the columns user, piece and"):
            recommend.load(tmp_path / "none.csv")
        (tmp_path / "zip.csv").write_bytes(b"PK\x03\x04\0\0\0\xd8\0\xdc\xff")
        with pytest.raises(ValueError, match="is not a text file; export the ratings as CSV|columns are"):
            recommend.load(tmp_path / "zip.csv")


class TestRatings:
    def test_rows_and_matrix(self):
        ratings = Ratings.from_rows(ROWS)
        assert ratings.matrix().toarray().tolist() == [[5, 3, 0], [4, 0, 2]]
        assert ratings.profile("bela").toarray().tolist() == [[4, 0, 2]]
        assert ratings.of("bela") == {"x": 4, "z": 2}
        assert ratings.profile({"z": 1}).toarray().tolist() == [[0, 0, 1]]
        assert repr(ratings) == "Ratings(4 ratings of 2 users for 3 pieces)"

    def test_invalid_rows(self):
        with pytest.raises(ValueError, match="'anna' has the piece 'x' twice; keep one"):
            Ratings.from_rows([*ROWS, ("anna", "x", 1)])
        with pytest.raises(ValueError, match="'z' is not among the 2 pieces of the catalogue, nor are 0 more"):
            Ratings.from_rows(ROWS, ["x", "y"])
        with pytest.raises(ValueError, match="values must be numbers above 0, got 0"):
            Ratings.from_rows([("anna", "x", 0)])

    def test_a_split_is_stratified_and_loses_nothing(self):
        ratings = planted()
        train, test = ratings.split(0.25, seed=3)
        assert set(np.bincount(train.user)) == {12} and set(np.bincount(test.user)) == {4}
        assert (train.matrix() + test.matrix() != ratings.matrix()).nnz == 0
        one = Ratings.from_rows([("anna", "x", 5)]).split(0.9)
        assert [len(part) for part in one] == [1, 0]

    def test_a_shuffle_keeps_counts_and_nothing_else(self):
        ratings = planted()
        shuffled = ratings.shuffled(seed=1)
        for name in ("user", "piece"):
            assert np.array_equal(np.bincount(getattr(ratings, name)), np.bincount(getattr(shuffled, name)))
        assert np.mean(ratings.user == shuffled.user) < 0.1


class TestRecommenders:
    @pytest.mark.parametrize("name", FITTED)
    def test_a_planted_taste_is_found_and_a_shuffled_one_is_not(self, name):
        figures = {}
        for world, ratings in (("real", planted()), ("shuffled", planted().shuffled(0))):
            train, test = ratings.split()
            for who, recommender in (("it", FITTED[name]()), ("popular", Popular()), ("chance", Chance())):
                figures[world, who] = recommend.evaluate(recommender.fit(train), test).ndcg
        assert figures["real", "it"] > 1.3 * figures["real", "popular"]
        assert figures["real", "popular"] > 1.5 * figures["real", "chance"]
        assert figures["shuffled", "it"] < 1.1 * figures["shuffled", "popular"]

    @pytest.mark.parametrize("name", FITTED)
    def test_somebody_who_was_not_trained_on_is_served_alike(self, name):
        ratings = planted()
        recommender = FITTED[name]().fit(ratings)
        most, own, popular = Popular().fit(ratings), [], []
        for user in range(20):
            rows = ratings.user == user
            mine = {ratings.pieces[p]: float(v) for p, v in zip(ratings.piece[rows], ratings.value[rows])}
            newcomer = recommender.recommend(mine)
            assert newcomer == recommender.recommend(f"u{user}")
            assert not set(mine) & {piece for piece, _ in newcomer}
            scores = [score for _, score in newcomer]
            assert scores == sorted(scores, reverse=True)
            own += [int(piece[1:]) % 4 == user % 4 for piece, _ in newcomer]
            popular += [int(piece[1:]) % 4 == user % 4 for piece, _ in most.recommend(mine)]
        assert np.mean(own) > 1.3 * np.mean(popular)

    @pytest.mark.parametrize("name", FITTED)
    def test_it_is_repeatable(self, name):
        assert FITTED[name]().fit(planted()).recommend("u5") == FITTED[name]().fit(planted()).recommend("u5")

    def test_similarities_are_those_of_a_direct_calculation(self):
        ratings = Ratings.from_rows([("a", "x", 5), ("a", "y", 3), ("b", "x", 4), ("b", "y", 1), ("b", "z", 2)])
        cosine = (5 * 4 + 3) / np.sqrt(34 * 21)
        euclidean = 2 / 52 / (1 + np.sqrt((1 + 4) / 2))
        for metric, similarity in (("cosine", cosine), ("euclidean", euclidean)):
            (piece, score), *rest = UserNeighbours(metric).fit(ratings).recommend("a")
            assert (piece, rest) == ("z", []) and score == pytest.approx(2 * similarity, rel=1e-5)
        (_, score), *_ = ItemNeighbours().fit(ratings).recommend("a")
        zx, zy = 4 / np.sqrt(41), 1 / np.sqrt(10)
        assert score == pytest.approx(5 * zx + 3 * zy, rel=1e-5)

    def test_without_ratings_the_most_popular_is_recommended_and_said(self):
        recommender = Factors(2).fit(Ratings.from_rows(ROWS))
        with pytest.warns(UserWarning, match="no ratings by 'nobody': these are the most popular pieces"):
            assert recommender.recommend("nobody")[0] == ("x", 2)
        with pytest.warns(UserWarning, match="most popular"):
            recommender.recommend({})

    def test_invalid_calls(self):
        recommender = Popular().fit(Ratings.from_rows(ROWS))
        with pytest.raises(ValueError, match="'w' is not among the 3 pieces"):
            recommender.recommend({"w": 1})
        with pytest.raises(ValueError, match="count must be a whole number of at least 1, got 0"):
            recommender.recommend("anna", 0)
        with pytest.raises(ValueError, match="metric must be one of cosine, euclidean, got 'l1'"):
            ItemNeighbours("l1")
        with pytest.raises(ValueError, match="no ratings to learn from"):
            Popular().fit(Ratings((), (), [], [], []))


def test_measures_are_those_of_a_calculation_by_hand():
    train = Ratings(("u",), tuple("abcdef"), [0], [5], [1])
    held_out = Ratings(("u",), tuple("abcdef"), [0, 0, 0], [0, 2, 4], [1, 1, 1])

    class Ordered(recommend.Recommender):
        def scores(self, profiles):
            return np.array(
                [[6.0, 5, 4, 3, 2, 9]]
            )  # f is known: a, b, c are recommended, of which a and c are held out

    found = recommend.evaluate(Ordered().fit(train), held_out, k=3)
    assert found.precision == pytest.approx(2 / 3) and found.recall == pytest.approx(2 / 3)
    assert found.map == pytest.approx((1 + 2 / 3) / 3)
    assert found.ndcg == pytest.approx((1 + 1 / 2) / (1 + 1 / np.log2(3) + 1 / 2))


@pytest.mark.skipif(not MOVIELENS, reason="data/ has no wheel of recbole; python -m benchmarks.recommending loads it")
def test_real_ratings_are_predicted_as_well_as_by_others():
    train, test = load_movielens().split()
    figures = {
        r.__class__: recommend.evaluate(r.fit(train), test).ndcg for r in (Popular(), ItemNeighbours(), Factors())
    }
    assert figures[Factors] > 0.45 and figures[ItemNeighbours] > 0.38 and figures[Popular] < 0.28


def melody(seed, metre, high):
    """Sixteen bars of steps in C major."""
    rng, upper, lower = np.random.default_rng(seed), *metre
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    degrees = np.clip(7 * high + np.cumsum(rng.integers(-2, 3, 8 * upper)) % 8, 0, 20)
    length = 4 / lower
    rows = [(2 * i * length, 2 * length, 60 + 12 * (d // 7) + scale[d % 7]) for i, d in enumerate(degrees.tolist())]
    return Score.from_notes(rows, time_signatures=((0, upper, lower),))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small VAE of low and high melodies, listeners who like one of them, and a composer."""
    scores = tuple(melody(i, (4, 4) if i % 4 < 2 else (6, 8), i % 2) for i in range(48))
    catalogue = Corpus(tuple(f"m{i}" for i in range(48)), scores)
    data = prepare(Split(catalogue, catalogue.take(range(8)), catalogue.take(range(8))), encodings.Phrases())
    options = {"length": data.encoding.longest + 1, "plan": [32, 16], "units": 16, "encoder": [64], "attributes": []}
    config = Config("test", ModelConfig("vae", options), TrainingConfig(window=options["length"], epochs=12))
    run = training.train(data, config, tmp_path_factory.mktemp("run") / "vae")
    rng = np.random.default_rng(0)
    rows = [(f"u{u}", f"m{m}", 1) for u in range(40) for m in range(48) if m % 2 == u % 2 and rng.random() < 0.4]
    factors = Factors(2).fit(Ratings.from_rows(rows, catalogue.names, plays=True))
    return Composer(Taste.fit(run, factors, catalogue))


class TestTaste:
    def test_factors_are_predicted_and_music_is_made_for_the_listener(self, made):
        taste = made.taste
        assert taste.r2 > 0.5
        low, high = ({f"m{i}": 3 for i in range(first, 12, 2)} for first in (0, 1))
        pitch = {who: np.mean([c.score.pitch.mean() for c in made.compose(mine, candidates=6)[:3]])
                 for who, mine in (("low", low), ("high", high))}  # fmt: skip
        assert pitch["high"] > pitch["low"] + 4
        assert taste.score(high, taste.maximum(high, 2.0)[None])[0] == pytest.approx(2.0, rel=1e-3)
        direction = taste.direction(high)
        assert direction @ taste.covariance @ direction == pytest.approx(1, rel=1e-3)

    def test_candidates_are_repeatable_and_in_order(self, made):
        found, again = made.compose("u1", candidates=5, seed=2), made.compose("u1", candidates=5, seed=2)
        assert [c.score for c in found] == [c.score for c in again]
        ranks = [c.taste - c.nats for c in found]
        assert ranks == sorted(ranks, reverse=True)

    def test_a_variation_keeps_the_metre(self, made):
        best = made.vary("u1", "m3", shift=0.5, candidates=4)[0]
        assert best.score.time_signatures == made.taste.catalogue.scores[3].time_signatures
        with pytest.raises(ValueError, match="no piece 'x' in the catalogue of 48"):
            made.vary("u1", "x")

    def test_what_cannot_be_fitted_says_so(self, made):
        taste = made.taste
        with pytest.raises(ValueError, match="fitted on other pieces; load the ratings with pieces=catalogue.names"):
            Taste.fit(taste.run, taste.factors, taste.catalogue.take(range(30)))
        with pytest.raises(ValueError, match="no ratings of 'nobody', so its taste is unknown"):
            made.compose("nobody")


class TestTune:
    def test_the_key(self):
        assert tune.key(Score.from_notes([(i, 1, p) for i, p in enumerate((62, 66, 69, 67, 64, 61, 62))])) == (
            2,
            "major",
        )
        assert tune.key(Score.from_notes([(i, 1, p) for i, p in enumerate((69, 71, 72, 76, 65, 64, 69))])) == (
            9,
            "minor",
        )

    def test_a_tune_has_its_form_its_key_and_an_ending(self):
        def phrase(*pitches):
            return Score.from_notes([(i, 1, p) for i, p in enumerate(pitches)], time_signatures=((0, 4, 4),))

        parts = [
            phrase(67, 71, 74, 71, 67, 69, 71, 67),
            phrase(74, 76, 78, 79, 78, 76, 74, 71),
            phrase(71, 69, 67, 66, 67, 69, 71, 69),
            phrase(79, 77, 76, 74, 71, 69, 67, 66),  # F is not in G major
        ]
        piece = tune.assemble(parts)
        assert piece.key_signatures == ((0, 1, "major"),) and piece.end == 64
        assert set((piece.pitch % 12).tolist()) <= {7, 9, 11, 0, 2, 4, 6}
        assert (piece.pitch[-1] % 12, piece.duration[-1]) == (7, 2)
        first, again = piece.slice(0, 8), piece.slice(16, 24)
        assert np.array_equal(first.pitch, again.pitch)


def test_simulated_listeners_play_what_they_like():
    catalogue = Corpus(tuple(f"m{i}" for i in range(60)), tuple(melody(i, (4, 4), i % 2) for i in range(60)))
    listeners = Listeners.draw(catalogue, 80, seed=1)
    utility, plays = listeners.utility(catalogue.scores), listeners.play(catalogue, seed=2)
    assert plays.plays and plays.users == listeners.names
    assert utility[plays.user, plays.piece].mean() > utility.mean() + 0.2
    blind = listeners.play(catalogue, taste=0, seed=2)
    assert abs(utility[blind.user, blind.piece].mean() - utility.mean()) < 0.1


def test_pieces_that_a_run_does_not_know_are_left_out(made):
    odd = melody(0, (5, 4), 0)
    mixed = Corpus(("a", "b"), (odd, melody(1, (4, 4), 0)))
    assert recommend.known(made.run, mixed).names == ("b",)
    with pytest.raises(ValueError, match="piece 0 has no phrase of 2 bars in 4/4"):
        recommend.taste.vectors(made.run, [odd])
