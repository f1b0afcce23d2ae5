# %% [markdown]
# # A set classifier in Linen
#
# A small network that reads a handwritten digit as a *set of points*. It is written from scratch with Flax
# Linen and Optax; `diffsort.linen.FSPool` is the one layer that sorts. The data come with scikit-learn. As a
# script it runs in about twenty seconds: `python docs/examples/set_classifier_linen.py`. The same model for
# Flax's newer API is [a set classifier in NNX](set_classifier_nnx.py).

# %%
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from sklearn.datasets import load_digits

import diffsort.linen

# %% [markdown]
# ## Images as sets
#
# Every pixel that is not empty becomes a point: row, column and intensity. The images have different numbers
# of such pixels, so each set is padded to the size of the greatest, and a mask tells which points are there.


# %%
def as_sets(images):
    """Returns points, of shape (images, n, 3), and which of them there are, (images, n)."""
    rows, columns = np.meshgrid(np.linspace(-1, 1, 8), np.linspace(-1, 1, 8), indexing="ij")
    places = [np.broadcast_to(a, images.shape) for a in (rows, columns)]
    points = np.stack([*places, images / 16], -1, dtype=np.float32).reshape(-1, 64, 3)
    first = np.argsort(points[..., 2] == 0, axis=1, stable=True)
    points = np.take_along_axis(points, first[..., None], axis=1)
    where = points[..., 2] > 0
    largest = where.sum(1).max()
    return points[:, :largest], where[:, :largest]


digits = load_digits()
points, where = as_sets(digits.images)
order = np.random.default_rng(0).permutation(len(points))
train, test = order[:1497], order[1497:]
sizes = where.sum(axis=1)
print(f"{len(train)} training sets, {len(test)} test sets, {sizes.min()} to {sizes.max()} points")

# %% [markdown]
# ## The model
#
# The same two layers look at every point. `FSPool` then sorts each of the 64 features over the points of a
# set, and adds them up with learned weights that depend on the rank. So the order of the points does not
# matter, and masked points count for nothing.


# %%
class MaxPool(nn.Module):
    """What `FSPool` is compared with: the greatest value of each feature."""

    def __call__(self, x, where):
        return jnp.max(x, axis=-2, where=where[..., None], initial=-jnp.inf)


class SetClassifier(nn.Module):
    pool: type[nn.Module] = diffsort.linen.FSPool

    @nn.compact
    def __call__(self, points, where):
        x = nn.Dense(64)(nn.relu(nn.Dense(64)(points)))
        x = self.pool()(x, where)
        return nn.Dense(10)(nn.relu(nn.Dense(64)(x)))


# %% [markdown]
# ## Training
#
# A plain loop: shuffled batches, one compiled step, and a learning rate that falls to 0 as a cosine does.


# %%
def accuracy(model, params, which):
    logits = jax.jit(model.apply)(params, points[which], where[which])
    return float(np.mean(jnp.argmax(logits, -1) == digits.target[which]))


def trained(model, epochs=30, batch=64):
    batches = len(train) // batch
    optimizer = optax.adam(optax.cosine_decay_schedule(1e-2, epochs * batches))
    params = model.init(jax.random.key(0), points[:1], where[:1])
    state = optimizer.init(params)

    @jax.jit
    def step(params, state, points, where, labels):
        def loss(params):
            logits = model.apply(params, points, where)
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

        value, gradient = jax.value_and_grad(loss)(params)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, value

    shuffle = np.random.default_rng(0)
    for epoch in range(1, epochs + 1):
        for which in np.split(shuffle.permutation(train)[: batches * batch], batches):
            sets, labels = (points[which], where[which]), digits.target[which]
            params, state, value = step(params, state, *sets, labels)
        if epoch % 10 == 0:
            found = accuracy(model, params, test)
            print(f"epoch {epoch}: loss {value:.3f}, accuracy {found:.3f}")
    return params


model = SetClassifier()
params = trained(model)

# %% [markdown]
# ## Max pooling instead
#
# One argument swaps the pooling; everything else stays.

# %%
max_model = SetClassifier(pool=MaxPool)
max_params = trained(max_model)
found, with_max = accuracy(model, params, test), accuracy(max_model, max_params, test)
print(f"FSPool {found:.3f}, max pooling {with_max:.3f}")

# %% [markdown]
# With 300 test sets and one seed, differences of a point or two say nothing. The [study of
# poolings](../studies/pooling/README.md) has five seeds, six poolings, and the cost of a step of each.
