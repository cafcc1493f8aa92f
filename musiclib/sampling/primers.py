"""Primers and sources: what a generated piece continues or is conditioned on, as ids."""

from __future__ import annotations

import os
import pathlib
import warnings
from collections.abc import Sequence

import numpy as np

from musiclib import readers
from musiclib.dataset import Pieces
from musiclib.encodings import check_vocabulary
from musiclib.encodings.ids import vocabulary_of, with_vocabulary
from musiclib.encodings.vocabulary import END, PADDING, RESERVED, START, UNKNOWN, Vocabulary
from musiclib.score import Score
from musiclib.score.checking import check_score
from musiclib.training import Run


def random_window(pieces: Pieces, length: int, seed: int | None = None) -> np.ndarray:
    """Returns ``length`` ids from a random place in a random piece, to use as a primer.

    Raises:
        ValueError: where every piece is shorter.
    """
    long_enough = [piece for piece in pieces if len(piece) >= length + 2]
    if not long_enough:
        raise ValueError(f"no piece has {length} tokens; ask for a shorter window")
    rng = np.random.default_rng(seed)
    piece = long_enough[rng.integers(len(long_enough))]
    start = rng.integers(1, len(piece) - length)
    return with_vocabulary(np.array(piece[start : start + length]), vocabulary_of(piece))


def random_notes(vocabulary: Vocabulary, length: int, seed: int | None = None) -> np.ndarray:
    """Returns ``length`` ids drawn uniformly from the vocabulary, to use as a primer."""
    ids = np.random.default_rng(seed).integers(len(RESERVED), len(vocabulary), length, dtype=np.int32)
    return with_vocabulary(ids, vocabulary.fingerprint)


def check_loaded(run) -> None:
    """Raises ValueError where ``run`` is not a ``Run``, but for example the name of its folder."""
    if not isinstance(run, Run):
        name = f"{str(run)!r}" if isinstance(run, (str, os.PathLike)) else type(run).__name__
        raise ValueError(f"a run is what training.train or training.load_run returns, got {name}; load it first")


def check_run(run) -> None:
    """Raises ValueError where ``run`` is not a ``Run``, or one that makes frames of sound."""
    check_loaded(run)
    if run.encoding.bands:
        raise ValueError(f"a run of a {run.config.model.name} makes frames of sound: use sampling.generate_frames")


def latent_size(run) -> int:
    """Returns the size of a run's latent vector; raises ValueError where it has none."""
    check_run(run)
    if run.model.latent_size is None:
        raise ValueError(f"a {run.config.model.name} has no latent vector; take a run of a vae or a gan")
    return run.model.latent_size


def check_latents(run, z: np.ndarray, count: int | None = None) -> np.ndarray:
    """Returns latent vectors as (count, latent) float32, one given vector as a row.

    Raises:
        ValueError: where the run has no latent vector, or these have another size, another number or values that are
            not finite.
    """
    size = latent_size(run)
    z = np.atleast_2d(np.asarray(z, np.float32))
    if z.ndim != 2 or z.shape[1] != size:
        raise ValueError(f"the latent vectors of this run have {size} values, got an array of shape {z.shape}")
    if not np.all(np.isfinite(z)):
        raise ValueError(f"latent vectors must be finite, got {z[~np.isfinite(z)][0]}")
    if count is not None and len(z) != count:
        raise ValueError(f"{count} pieces need as many latent vectors, got {len(z)}; set count={len(z)}")
    return z


def opened(music):
    """Returns the Score of a path to a music file, and anything else as it is; FileNotFoundError without the file."""
    return readers.read_score(music) if isinstance(music, (str, os.PathLike)) else music


def opened_primer(run, primer):
    """Returns the Score of a primer that is a path, and any other primer as it is.

    Raises:
        FileNotFoundError: where a text is neither a file nor a token of the run.
    """
    if not isinstance(primer, (str, os.PathLike)) or isinstance(primer, str) and primer in run.vocabulary:
        return primer
    if not pathlib.Path(primer).is_file():
        raise FileNotFoundError(
            f"the primer {str(primer)!r} is neither a file nor a token of this run; an example of a token is"
            f" {run.vocabulary.tokens[len(RESERVED)]!r}"
        )
    return opened(primer)


def primer_ids(
    run, primer: Score | str | os.PathLike | Sequence[str] | np.ndarray | None
) -> tuple[np.ndarray, list[str]]:
    """Encodes any kind of primer (see ``generate``) as ids, (n,) int32, and tokens; both empty for None.

    Tokens that are not in the vocabulary are kept as they are, while their id is ``<unknown>``.
    """
    if primer is None:
        return np.zeros(0, np.int32), []
    if not _is_text_or_ids(primer):
        check_score(primer, "primer")
    primer = opened_primer(run, primer)
    primer = [primer] if isinstance(primer, str) else primer
    if isinstance(primer, Score):
        return _encoded(run, run.encoding, primer, "primer")
    if len(primer) and isinstance(primer[0], str):
        unknown = [token for token in primer if token not in run.vocabulary or token in RESERVED]
        if unknown:
            raise ValueError(
                f"the primer's token {unknown[0]!r} is not one of this run's {len(run.vocabulary)} tokens, such as"
                f" {run.vocabulary.tokens[len(RESERVED)]!r}"
            )
        ids = run.vocabulary.to_ids(primer)
        return ids, run.vocabulary.to_tokens(ids)
    ids = music_ids(run, primer)
    return ids, run.vocabulary.to_tokens(ids)


def source_ids(run, source: Score | str | os.PathLike | np.ndarray | None) -> np.ndarray | None:
    """Encodes a source (see ``generate``) as ids, (n,) int32; None for an unconditional run.

    Raises:
        ValueError: where a conditional run gets no source, or an unconditional one gets a source.
        FileNotFoundError: where there is no such file.
    """
    if not run.model.conditional:
        if source is not None:
            raise ValueError("this run is unconditional; leave source out")
        return None
    if run.model.infills and not isinstance(source, np.ndarray):
        raise ValueError(f"a {run.config.model.name} fills in what is missing of a piece: use sampling.infill")
    source = opened(source)
    if isinstance(source, Score):
        source, _ = _encoded(run, run.source_encoding, source, "source")
    if source is not None and not _is_text_or_ids(source):
        check_score(source, "source")
    source = np.zeros(0, np.int32) if source is None else music_ids(run, source)
    if not len(source):
        raise ValueError("this run is conditional; give source=, a Score or a music file with notes in it")
    return source


def _is_text_or_ids(music) -> bool:
    """Returns whether it is a path, a token, tokens or ids, and not for example a list of Scores."""
    if isinstance(music, Sequence) and not isinstance(music, str):
        return all(isinstance(each, (str, int, np.integer)) for each in music)
    return isinstance(music, (str, os.PathLike, np.ndarray))


def _encoded(run, encoding, score: Score, name: str) -> tuple[np.ndarray, list[str]]:
    """Encodes a score as ids and tokens, in another octave if that helps; refuses mostly unknown tokens."""
    tokens = encoding.encode(score)
    if len(score) and not tokens:
        raise ValueError(f"the {name} has no note that {encoding} writes, such as one with drums only; give another")
    ids = run.vocabulary.to_ids(tokens, allow_unknown=True)
    if np.sum(ids == UNKNOWN) * 2 > len(ids):
        ids, tokens = _in_another_octave(run, encoding, score, name)
    unknown = [token for token, number in zip(tokens, ids, strict=True) if number == UNKNOWN]
    share = f"{len(unknown)} of the {name}'s {len(ids)} tokens"
    if len(unknown) * 2 > len(ids):
        raise ValueError(
            f"{share} are not in this run's vocabulary, such as {unknown[0]!r}; choose music whose pitches and lengths"
            " are more like its training pieces"
        )
    if unknown:
        hint = "" if encoding.in_seconds else "; music that was played fits better after quantize()"
        warnings.warn(f"{share} are unknown to this run, such as {unknown[0]!r}{hint}", stacklevel=4)
    return ids, tokens


def _in_another_octave(run, encoding, score: Score, name: str) -> tuple[np.ndarray, list[str]]:
    """Encodes a score in the octave with the fewest unknown tokens; warns where it was moved."""
    score = score.pitched()
    low, high = int(score.pitch.min()), int(score.pitch.max())
    tokens, ids = {}, {}
    for octaves in sorted(range(-(low // 12), (127 - high) // 12 + 1), key=abs):
        tokens[octaves] = encoding.encode(score.transpose(12 * octaves))
        ids[octaves] = run.vocabulary.to_ids(tokens[octaves], allow_unknown=True)
    best = min(ids, key=lambda octaves: np.sum(ids[octaves] == UNKNOWN))  # the nearest of equals
    if best and np.sum(ids[best] == UNKNOWN) * 2 <= len(ids[best]):
        way = f"{abs(best)} octave{'s' * (abs(best) > 1)} {'up' if best > 0 else 'down'}"
        warnings.warn(f"the {name} is outside the pitch range of this run: it was moved {way}", stacklevel=5)
    return ids[best], tokens[best]


def music_ids(run, ids: np.ndarray) -> np.ndarray:
    """Checks the ids of a primer and drops padding, start and end."""
    check_vocabulary(run.vocabulary.fingerprint, ids)
    ids, limit = np.asarray(ids).reshape(-1), len(run.vocabulary) - 1
    if ids.size and not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"a primer's ids must be whole numbers, got {ids[0]!r}; make them with vocabulary.to_ids")
    ids = ids.astype(np.int32)
    if ids.size and not (0 <= ids.min() and ids.max() <= limit):
        raise ValueError(f"a primer's ids must lie between 0 and {limit}, got {ids.min()} to {ids.max()}")
    return ids[~np.isin(ids, (PADDING, START, END))]
