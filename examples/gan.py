"""A GAN in `fit`: two competing networks, each with its own optimizer, in one pure `train_step`.

    python examples/gan.py

A generator turns random numbers into digits. A discriminator tells real digits from generated ones. Each trains to beat the
other:

    discriminator: real -> 1, made -> 0;        generator: made -> 1 in the eyes of the discriminator

One class holds both networks and overrides `train_step(state, batch) -> (state, logs)`. Its gradients come from two losses: the
step takes the discriminator's part of the first and the generator's part of the second. `optax.multi_transform` gives each part
of the parameters its optimizer, by the name of the network, and goes to `compile` as one optimizer. `fit` compiles the whole
step into its loop like any other.

Watch `d_real` and `d_made`, the mean probabilities that the discriminator gives to real and generated digits. At first they
diverge; later they approach each other. Prints the epochs, and writes real and generated digits to `out/gan.png`. Under 2
minutes on two cores.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jkeras
from jkeras import callbacks, datasets, layers, visualization

NOISE = 32


def make_generator():
    return jkeras.Sequential(
        [
            jkeras.Input((NOISE,)),
            layers.Dense(128, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.Dense(256, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.Dense(64, activation="sigmoid"),
        ],
        name="generator",
    )


def make_discriminator():
    return jkeras.Sequential(
        [
            jkeras.Input((64,)),
            layers.GaussianNoise(0.1),  # so that it does not learn the few real digits by heart
            layers.Dense(256),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dropout(0.3),
            layers.Dense(128),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dropout(0.3),
            layers.Dense(1),  # a logit
        ],
        name="discriminator",
    )


class GAN(jkeras.Model):
    """A generator and a discriminator; calling the model on images judges them, and `generator` makes them."""

    def __init__(self):
        super().__init__()
        self.generator = make_generator()
        self.discriminator = make_discriminator()

    def call(self, images):
        return self.discriminator(images)

    def train_step(self, state, batch):
        real, _, _ = batch
        params, others = state.params, state.state
        keys = jax.random.split(state.key, 4)
        noise = jax.random.normal(keys[0], (len(real), NOISE))

        def judge(params, images, key):
            logits, _ = self.discriminator.apply(
                params["discriminator"], others.get("discriminator", {}), images, training=True, rng=key
            )
            return logits[:, 0]

        def generate(params):
            return self.generator.apply(params["generator"], others["generator"], noise, training=True, rng=keys[1])

        def discriminator_loss(params):
            made, _ = generate(params)
            on_real, on_made = judge(params, real, keys[2]), judge(params, jax.lax.stop_gradient(made), keys[3])
            loss = optax.sigmoid_binary_cross_entropy(on_real, jnp.full_like(on_real, 0.9))  # 0.9: one-sided label smoothing
            loss += optax.sigmoid_binary_cross_entropy(on_made, jnp.zeros_like(on_made))
            return loss.mean(), (jax.nn.sigmoid(on_real).mean(), jax.nn.sigmoid(on_made).mean())

        def generator_loss(params):
            made, new_state = generate(params)
            verdict = judge(params, made, keys[3])
            return optax.sigmoid_binary_cross_entropy(verdict, jnp.ones_like(verdict)).mean(), new_state

        (d_loss, (d_real, d_made)), d_grads = jax.value_and_grad(discriminator_loss, has_aux=True)(params)
        (g_loss, generator_state), g_grads = jax.value_and_grad(generator_loss, has_aux=True)(params)
        grads = {"generator": g_grads["generator"], "discriminator": d_grads["discriminator"]}
        state = self.apply_gradients(state._replace(state={**others, "generator": generator_state}), grads)
        return state, {"d_loss": d_loss, "g_loss": g_loss, "d_real": d_real, "d_made": d_made}


def main(argv=None):
    parser = argparse.ArgumentParser(description="A generative adversarial network on small digits.")
    parser.add_argument("--epochs", type=int, help="default: 600")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the picture")
    parser.add_argument("--quick", action="store_true", help="a few images and two epochs")
    args = parser.parse_args(argv)
    epochs = args.epochs or (2 if args.quick else 600)

    jkeras.utils.set_random_seed(0)
    (x, _), _ = datasets.digits.load_data(test_split=0)
    x = x.reshape(-1, 64) / np.float32(255)
    if args.quick:
        x = x[:256]

    gan = GAN()
    optimizers = {"generator": optax.adam(2e-4, b1=0.5), "discriminator": optax.adam(1e-4, b1=0.5)}
    gan.compile(optax.multi_transform(optimizers, {name: name for name in optimizers}))

    def report(epoch, logs):
        if (epoch + 1) % max(1, epochs // 10) == 0:
            print(f"epoch {epoch + 1:4d}:", ", ".join(f"{name} {value:.3f}" for name, value in logs.items()))

    gan.fit(x, batch_size=64, epochs=epochs, verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=report)])

    made = gan.generator.predict(np.random.default_rng(0).standard_normal((16, NOISE)).astype("float32"), verbose=0)
    images = np.concatenate([x[:16], made]).reshape(-1, 8, 8)
    path = args.out / "gan.png"
    visualization.image_grid(images, columns=8, limit=32, path=path)
    print(f"Two rows of real digits, then two of generated ones: {path}")


if __name__ == "__main__":
    main()
