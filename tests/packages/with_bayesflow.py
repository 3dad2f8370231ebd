"""bayesflow: posteriors that are known in closed form, each kind of network, online and offline, and files."""

import logging

import bayesflow as bf
import keras
import numpy as np
from bayesflow import networks, scoring_rules

logging.getLogger("bayesflow").setLevel(logging.ERROR)
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
SMALL = {"subnet_kwargs": {"widths": (16, 16)}}
STEPS = {"integrate_kwargs": {"steps": 10, "method": "euler"}}
OBSERVED = 4  # numbers seen of each mean


def prior():
    return {"mu": rng.normal(size=2)}


def likelihood(mu):
    return {"x": rng.normal(mu, 1.0, size=(OBSERVED, 2))}


def average(x):
    return {"mean": x.mean(axis=0)}


def saved_and_loaded(approximator):
    approximator.save("approximator.keras")
    return keras.saving.load_model("approximator.keras")


def same(approximator, results):
    expected, found = results(approximator), results(saved_and_loaded(approximator))
    keras.tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), expected, found)
    return expected


simulator = bf.make_simulator([prior, likelihood, average])
train, held_out = simulator.sample(2048), simulator.sample(64)

# A mean with prior N(0, 1), seen through n numbers of N(mean, 1): its posterior is N(n / (n + 1) average, 1 / (n + 1)).
workflow = bf.BasicWorkflow(
    simulator=simulator, inference_network=networks.CouplingFlow(depth=2, **SMALL), initial_learning_rate=5e-3,
    inference_variables=["mu"], inference_conditions=["mean"], standardize="all",
)  # fmt: skip
history = workflow.fit_offline(train, epochs=12, batch_size=64, validation_data=held_out, verbose=0).history
assert history["val_loss"][-1] < history["val_loss"][0]
observed = np.array([[-1.0, 0.0], [0.5, 1.0]])
drawn = workflow.sample(num_samples=1000, conditions={"mean": observed})["mu"]
assert np.abs(drawn.mean(axis=1) - OBSERVED / (OBSERVED + 1) * observed).max() < 0.15
assert np.abs(drawn.std(axis=1) - (OBSERVED + 1) ** -0.5).max() < 0.1
points = {"mean": observed, "mu": OBSERVED / (OBSERVED + 1) * observed}
density = same(workflow.approximator, lambda approximator: approximator.log_prob(points))
assert np.abs(density - np.log((OBSERVED + 1) / (2 * np.pi))).max() < 0.3

others = [
    networks.FlowMatching(**SMALL, **STEPS),
    networks.ConsistencyModel(total_steps=50, **SMALL),
    networks.StableConsistencyModel(**SMALL),
    networks.DiffusionModel(**SMALL, **STEPS),
    bf.experimental.FreeFormFlow(**{f"{part}_subnet_kwargs": SMALL["subnet_kwargs"] for part in ("encoder", "decoder")}),
]
for network in others:
    workflow = bf.BasicWorkflow(
        simulator=simulator, inference_network=network, inference_variables=["mu"], inference_conditions=["mean"]
    )
    history = workflow.fit_online(epochs=1, num_batches_per_epoch=4, batch_size=32, validation_data=held_out, verbose=0).history
    assert np.isfinite(history["loss"] + history["val_loss"]).all(), history
    drawn = same(workflow.approximator, lambda made: made.sample(num_samples=3, conditions={"mean": observed}, seed=1))["mu"]
    assert drawn.shape == (2, 3, 2) and np.isfinite(drawn).all()

attention = {"embed_dims": (8,), "num_heads": (2,), "mlp_depths": (1,), "mlp_widths": (8,)}
summaries = [
    networks.DeepSet(summary_dim=4, depth=1, base_distribution="normal"),
    networks.SetTransformer(summary_dim=4, **attention),
    networks.TimeSeriesNetwork(summary_dim=4, filters=4, recurrent_dim=4),
]
for network in summaries:
    workflow = bf.BasicWorkflow(
        simulator=simulator, inference_network=networks.CouplingFlow(depth=1, **SMALL), summary_network=network,
        inference_variables=["mu"], summary_variables=["x"],
    )  # fmt: skip
    history = workflow.fit_offline({key: value[:128] for key, value in train.items()}, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert same(workflow.approximator, lambda made: made.summarize({"x": held_out["x"]})).shape == (64, 4)

# The mean of the posterior minimises the squared error, and its quantiles the pinball loss.
rules = {"mean": scoring_rules.MeanScore(), "levels": scoring_rules.QuantileScore([0.1, 0.5, 0.9])}
adapter = bf.ScoringRuleApproximator.build_adapter(inference_variables=["mu"], inference_conditions=["mean"])
estimator = bf.ScoringRuleApproximator(
    inference_network=networks.ScoringRuleNetwork(scoring_rules=rules, **SMALL), adapter=adapter
)
estimator.compile(optimizer=keras.optimizers.Adam(5e-3))
estimator.fit(dataset=bf.OfflineDataset(train, batch_size=64, adapter=adapter), epochs=12, verbose=0)
found = same(estimator, lambda made: made.estimate(conditions={"mean": observed}))["mu"]
assert np.abs(found["mean"] - points["mu"]).max() < 0.15
spread = 1.2816 * (OBSERVED + 1) ** -0.5
assert np.abs(found["levels"] - points["mu"][:, None] - spread * np.array([-1, 0, 1])[:, None]).max() < 0.25

# Of two models that differ in their mean by 2, the odds are exp(sum of 2 x - 2).
models = [bf.make_simulator([lambda mean=mean: {"x": rng.normal(mean, size=2)}]) for mean in (0.0, 2.0)]
adapter = bf.Adapter().convert_dtype("float64", "float32")
adapter = adapter.rename("model_indices", "inference_variables").rename("x", "inference_conditions")
chooser = bf.ModelComparisonApproximator(num_models=2, classifier_network=networks.MLP(widths=(16, 16)), adapter=adapter)
chooser.compile(optimizer=keras.optimizers.Adam(1e-2))
compared = bf.simulators.ModelComparisonSimulator(models)
chooser.fit(simulator=compared, epochs=3, num_batches=40, batch_size=64, workers=1, adapter=adapter, verbose=0)
seen = np.array([[0.0, 0.0], [1.0, 1.2], [2.0, 2.0]])
chosen = same(chooser, lambda made: made.predict(conditions={"x": seen}))
assert np.abs(chosen[:, 1] - 1 / (1 + np.exp(-(2 * seen - 2).sum(axis=1)))).max() < 0.15, chosen
