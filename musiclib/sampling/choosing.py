"""Loops: of several candidates, the piece that leads back into its own beginning."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from musiclib.dataset import Pieces
from musiclib.encodings.vocabulary import START
from musiclib.models.likelihood import nats
from musiclib.sampling.constraints import Constraints

LOOP_CANDIDATES = 8  # pieces that are generated for each one returned


def best_loops(
    run, pieces: list[np.ndarray], costs: list[dict[str, float]], primer: np.ndarray, constraints: Constraints
) -> tuple[list[np.ndarray], list[dict[str, float]]]:
    """Returns of every ``LOOP_CANDIDATES`` pieces the one whose first bar is likeliest after its end.

    Args:
        run: the run that generated them.
        pieces: (n,) ids each.
        costs: of the constraints of each piece. The loop's is the -log P of the first bar after the end of the piece,
            less that at the beginning of a piece; below 0, the network expects it more as a return.
        primer: ids that each piece begins with.
        constraints: the constraints, with the time signature.

    Raises:
        ValueError: if the run gives no likelihood of what follows a piece.
    """
    if run.model.latent_size or run.model.conditional or not run.model.has_likelihood:
        raise ValueError(
            f"loop: a {run.config.model.name} gives no likelihood of what follows a piece; take a run of an"
            " unconditional autoregressive network, such as stacked_lstm"
        )
    pieces_whole = [np.concatenate([[START], primer, piece]).astype(np.int32) for piece in pieces]
    upper, lower = constraints.metre
    returns = [_first(run, piece, Fraction(4 * upper, lower)) for piece in pieces_whole]
    after = nats(run.model, Pieces.from_lists([np.concatenate([p, r]) for p, r in zip(pieces_whole, returns, strict=True)]))
    before = nats(run.model, Pieces.from_lists([np.concatenate([[START], r]) for r in returns]))
    found = [float(a[len(a) - len(r) :].sum() - b.sum()) for a, b, r in zip(after, before, returns, strict=True)]
    chosen = [i + int(np.argmin(found[i : i + LOOP_CANDIDATES])) for i in range(0, len(found), LOOP_CANDIDATES)]
    return [pieces[i] for i in chosen], [{**costs[i], "loop": round(found[i], 3)} for i in chosen]


def _first(run, piece: np.ndarray, bar: Fraction) -> np.ndarray:
    """Returns the ids of the first bar of a piece, which begins with ``<start>``."""
    time = Fraction(0)
    for count, token in enumerate(run.vocabulary.tokens[i] for i in piece[1:]):
        if time >= bar:
            return piece[1 : 1 + count]
        time += run.encoding.reading(token).moves
    return piece[1:]
