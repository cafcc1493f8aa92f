"""The Transformer: its cache is its past, positions are relative, and padding is not heard."""

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import models
from musiclib.encodings.vocabulary import PADDING
from musiclib.models.layers.rotary import PERIOD, rotate

SIZE = 13


def make(**options):
    keras.utils.set_random_seed(1)
    sizes = {"units": 16, "layers": 2, "heads": 2, "context_length": 7, "dropout": 0.0}
    return models.build("transformer", SIZE, **{**sizes, **options})


def ids(batch, time, seed=0):
    return np.random.default_rng(seed).integers(1, SIZE, (batch, time)).astype(np.int32)


def call(model, tokens):
    return ops.convert_to_numpy(model(tokens, training=False))


def stepped(model, tokens):
    state, logits = model.initial_state(len(tokens)), []
    for column in tokens.T:
        out, state = model.step(ops.convert_to_tensor(column), state)
        logits.append(ops.convert_to_numpy(out))
    return np.stack(logits, axis=1)


def test_the_cache_slides_where_the_piece_is_longer_than_the_context():
    model, tokens = make(), ids(3, 22)
    np.testing.assert_allclose(stepped(model, tokens), call(model, tokens), atol=1e-4)


def test_the_cache_holds_a_thousand_positions():
    model, tokens = make(units=8, layers=1, context_length=1024), ids(1, 1024)
    found, state = call(model, tokens), model.initial_state(1)

    def body(i, logits, state):
        out, state = model.step(ops.take(tokens.T, i, axis=0), state)
        return i + 1, out, state

    start = (ops.convert_to_tensor(0, "int32"), ops.zeros((1, SIZE)), state)
    _, logits, _ = ops.while_loop(lambda i, *_: i < 1024, body, start)
    np.testing.assert_allclose(ops.convert_to_numpy(logits), found[:, -1], atol=1e-4)


def test_attention_maps_are_what_the_network_attends_with():
    model, tokens = make(), ids(2, 12)
    maps = model.attention_maps(tokens)
    assert [part.shape for part in maps] == [(2, 2, 12, 12)] * 2
    for part in maps:
        np.testing.assert_allclose(part.sum(axis=-1), 1, atol=1e-5)
        distance = np.arange(12)[:, None] - np.arange(12)
        assert (part[:, :, (distance < 0) | (distance >= 7)] < 1e-6).all()
    # What the first block does with its values, by hand.
    block, x = model.blocks[0], model._vectors(tokens)
    values = ops.convert_to_numpy(block._heads(x)[2])
    heard = np.einsum("bhqk,bkhf->bqhf", maps[0], values).reshape(2, 12, 16)
    middle = ops.convert_to_numpy(x + block.output_projection(heard))
    after = middle + ops.convert_to_numpy(block.outer(block.inner(block.dense_norm(middle))))
    np.testing.assert_allclose(ops.convert_to_numpy(block(x, *model._reach(tokens))), after, atol=1e-4)


def test_a_layer_looks_back_over_its_context_and_no_further():
    model, tokens = make(layers=1), ids(1, 20)
    changed = tokens.copy()
    changed[0, 5] = changed[0, 5] % (SIZE - 1) + 1
    moved = np.abs(call(model, tokens) - call(model, changed)).max(axis=-1)[0] > 1e-6
    assert not moved[:5].any() and moved[5:12].all() and not moved[12:].any()


def test_padding_before_a_piece_changes_nothing():
    model, tokens = make(context_length=30), ids(2, 9)
    padded = np.concatenate([np.full((2, 6), PADDING, np.int32), tokens], axis=1)
    np.testing.assert_allclose(call(model, padded)[:, 6:], call(model, tokens), atol=1e-5)


def test_rotation_keeps_lengths_and_knows_distances_alone():
    first, second = np.random.default_rng(0).normal(size=(2, 8)).astype(np.float32)

    def product(i, j):
        turned = [ops.convert_to_numpy(rotate(v, np.int32(p))) for v, p in ((first, i), (second, j))]
        np.testing.assert_allclose(np.linalg.norm(turned[0]), np.linalg.norm(first), rtol=1e-5)
        return float(turned[0] @ turned[1])

    assert product(12, 5) == pytest.approx(product(1007, 1000), abs=1e-4)
    assert product(12, 5) == pytest.approx(product(PERIOD + 3, PERIOD - 4), abs=1e-4)
    assert product(12, 5) == pytest.approx(product(2_000_000_007, 2_000_000_000), abs=1e-4)
    assert product(12, 5) != pytest.approx(product(12, 6), abs=1e-3)


def test_input_and_output_share_the_token_vectors():
    weights = {weight.path for weight in make().trainable_weights}
    assert sum("embedding" in path for path in weights) == 1
    model, tokens = make(), ids(1, 4)
    table = model.embedding.get_weights()[0]
    table[12] *= -2.0  # a token that is not among the inputs: only its logit may change
    tokens[tokens == 12] = 3
    before = call(model, tokens)
    model.embedding.set_weights([table])
    after = call(model, tokens)
    assert np.abs(after - before)[..., 12].max() > 1e-3
    np.testing.assert_allclose(after[..., :12], before[..., :12], atol=1e-6)


@pytest.mark.parametrize("options", [{"units": 18, "heads": 4}, {"context_length": 0}])
def test_sizes_that_do_not_go_together_are_named(options):
    with pytest.raises(ValueError, match="must be"):
        make(**options)
