"""Ratings: who rated or played which piece, as a sparse matrix of listeners and pieces."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy import sparse


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Ratings:
    """Ratings or play counts. What a listener did not rate or play is unknown, not 0.

    Args:
        users: names of the listeners.
        pieces: names of the pieces.
        user: (n,) int64, index into ``users``.
        piece: (n,) int64, index into ``pieces``.
        value: (n,) float32, above 0.
        plays: whether the values are play counts.

    Raises:
        ValueError: at an index without a name, a value that is not a number above 0, or a pair that occurs twice.
    """

    users: tuple[str, ...]
    pieces: tuple[str, ...]
    user: np.ndarray
    piece: np.ndarray
    value: np.ndarray
    plays: bool = False

    def __post_init__(self) -> None:
        for name, kind in (("user", np.int64), ("piece", np.int64), ("value", np.float32)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), kind))
        for index, names, what in ((self.user, self.users, "user"), (self.piece, self.pieces, "piece")):
            if index.shape != self.value.shape:
                raise ValueError(f"Ratings: give one {what} for each value, got {len(index)} and {len(self.value)}")
            if len(index) and not (0 <= index.min() and index.max() < len(names)):
                raise ValueError(f"Ratings: a {what} has the index {index.max()}, and there are {len(names)} names")
        wrong = self.value[~(np.isfinite(self.value) & (self.value > 0))]
        if len(wrong):
            raise ValueError(
                f"Ratings: values must be numbers above 0, got {wrong[0]:g}; shift your scale, as to 1 to 5"
            )
        pairs = np.sort(self.user * max(len(self.pieces), 1) + self.piece)
        twice = pairs[1:][np.diff(pairs) == 0]
        if len(twice):
            user, piece = divmod(int(twice[0]), len(self.pieces))
            raise ValueError(
                f"Ratings: user {self.users[user]!r} has the piece {self.pieces[piece]!r} twice; keep one of the two"
            )

    @classmethod
    def from_rows(
        cls, rows: Iterable[tuple[str, str, float]], pieces: Sequence[str] | None = None, plays: bool = False
    ) -> Ratings:
        """Creates ratings from rows (user, piece, value); the plays of one piece by one user are summed.

        Args:
            rows: users and pieces by name.
            pieces: names of all pieces, in the order of a catalogue; None takes those that occur.
            plays: whether the values are play counts.

        Raises:
            ValueError: at an unknown piece, and as the class does.
        """
        found: dict[tuple[str, str], list[float]] = {}
        for user, piece, value in rows:
            found.setdefault((str(user), str(piece)), []).append(value)
        names = tuple(dict.fromkeys(piece for _, piece in found) if pieces is None else pieces)
        users, order = tuple(dict.fromkeys(user for user, _ in found)), {name: i for i, name in enumerate(names)}
        unknown = list(dict.fromkeys(piece for _, piece in found if piece not in order))
        if unknown:
            raise ValueError(
                f"{unknown[0]!r} is not among the {len(names)} pieces of the catalogue, nor are {len(unknown) - 1}"
                " more; name pieces as in corpus.names, or leave these ratings out"
            )
        row = {name: i for i, name in enumerate(users)}
        flat = [(row[u], order[p], v) for (u, p), each in found.items() for v in ([sum(each)] if plays else each)]
        return cls(users, names, *(np.array([r[i] for r in flat]) for i in range(3)), plays)

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        kind = "play counts" if self.plays else "ratings"
        return f"Ratings({len(self):,} {kind} of {len(self.users):,} users for {len(self.pieces):,} pieces)"

    def matrix(self) -> sparse.csr_matrix:
        """Returns the confidence that a listener likes a piece, (users, pieces) float32: of n plays log(1 + n)."""
        shape = len(self.users), len(self.pieces)
        return sparse.csr_matrix((self._confidence(self.value), (self.user, self.piece)), shape, dtype=np.float32)

    def profile(self, listener: str | Mapping[str, float]) -> sparse.csr_matrix:
        """Returns the row of one listener, (1, pieces): by name, or by somebody's own ratings.

        Raises:
            ValueError: where own ratings name an unknown piece, or hold a value that is not a number above 0.
        """
        if isinstance(listener, Mapping):
            rows = [("listener", piece, value) for piece, value in listener.items()]
            found = Ratings.from_rows(rows, self.pieces, self.plays)
            piece, value = found.piece, found.value
        else:
            mine = self.user == self.users.index(listener) if listener in self.users else np.zeros(len(self), bool)
            piece, value = self.piece[mine], self.value[mine]
        place = np.zeros(len(piece), int), piece
        return sparse.csr_matrix((self._confidence(value), place), (1, len(self.pieces)), dtype=np.float32)

    def of(self, listener: str) -> dict[str, float]:
        """Returns the ratings or plays of one listener, piece by piece; raises ValueError at an unknown name."""
        if listener not in self.users:
            raise ValueError(
                f"no listener {listener!r} among the {len(self.users)} of these ratings; take one of .users"
            )
        mine = self.user == self.users.index(listener)
        return {self.pieces[i]: v for i, v in zip(self.piece[mine].tolist(), self.value[mine].tolist(), strict=True)}

    def split(self, share: float = 0.25, seed: int = 0) -> tuple[Ratings, Ratings]:
        """Holds out a share of each listener's ratings, at random; every listener keeps at least one.

        Returns:
            (training ratings, held-out ratings), with the same users and pieces.
        """
        order = np.lexsort((np.random.default_rng(seed).random(len(self)), self.user))
        counts = np.bincount(self.user, minlength=len(self.users))
        rank = np.arange(len(self)) - np.repeat(np.cumsum(counts) - counts, counts)
        held_out = np.zeros(len(self), bool)
        held_out[order] = rank < np.minimum(np.round(share * counts), counts - 1)[self.user[order]]
        return self.take(~held_out), self.take(held_out)

    def shuffled(self, seed: int = 0) -> Ratings:
        """Returns a null: each piece keeps its ratings and each listener their number, who rated what is chance."""
        rng, user = np.random.default_rng(seed), self.user.copy()
        rng.shuffle(user)
        again = np.ones(len(self), bool)
        for _ in range(1000):  # a listener who got a piece twice swaps with others
            order = np.lexsort((rng.random(len(self)), self.piece, user))
            again[order] = np.r_[False, (np.diff(user[order]) == 0) & (np.diff(self.piece[order]) == 0)]
            if not again.any():
                break
            one = np.flatnonzero(again)
            both = np.union1d(one, rng.choice(len(self), min(len(one), len(self)), replace=False))
            user[both] = user[rng.permutation(both)]
        else:
            raise ValueError("these ratings are too dense to shuffle: nearly every listener rated every piece")
        return dataclasses.replace(self, user=user)

    def take(self, rows: np.ndarray) -> Ratings:
        """Returns some of the rows, by index or mask, with all users and pieces."""
        return dataclasses.replace(self, user=self.user[rows], piece=self.piece[rows], value=self.value[rows])

    def _confidence(self, value: np.ndarray) -> np.ndarray:
        return np.log1p(value) if self.plays else value
