"""keras-hub: backbones, their configs and files, fine-tuning on text, images and next words, generation, tokenizers, presets."""

import io
import json
from pathlib import Path

import keras
import keras_hub
import numpy as np
import sentencepiece
import tensorflow  # the stand-in may be there first: keras-hub does without it all the same

assert tensorflow.__version__ and keras_hub.src.utils.tensor_utils.tf is None
keras.utils.set_random_seed(0)
models, tokenizers = keras_hub.models, keras_hub.tokenizers
draw = np.random.default_rng(0)

# Backbones: config, weights file, preset.
small = {"num_layers": 1, "hidden_dim": 8, "intermediate_dim": 16}
text = {"token_ids": draw.integers(0, 20, (2, 6)), "padding_mask": np.array([[1] * 6, [1] * 4 + [0] * 2])}
bert_config = {"vocabulary_size": 15, "num_heads": 2, "max_sequence_length": 8, **small}
grouped = {"vocabulary_size": 20, "num_query_heads": 4, "num_key_value_heads": 2, **small}
resnet_config = {
    "input_conv_filters": [64], "input_conv_kernel_sizes": [3], "stackwise_num_filters": [64], "stackwise_num_blocks": [1],
    "stackwise_num_strides": [1], "block_type": "basic_block", "image_shape": (8, 8, 3),
}  # fmt: skip
for cls, config, inputs in (
    (models.LlamaBackbone, grouped, text),
    (models.GemmaBackbone, {"head_dim": 4, **grouped}, text),
    (models.ResNetBackbone, resnet_config, draw.random((2, 8, 8, 3))),
):
    backbone = cls(**config)
    outputs = backbone.predict(inputs, verbose=0)
    assert type(backbone) is cls and np.isfinite(outputs).all()
    again = cls.from_config(backbone.get_config())
    backbone.save_weights("some.weights.h5")
    again.load_weights("some.weights.h5")
    np.testing.assert_allclose(again.predict(inputs, verbose=0), outputs, rtol=1e-5, atol=1e-5)
    backbone.save_to_preset(f"preset_{cls.__name__}")
    again = models.Backbone.from_preset(f"preset_{cls.__name__}")
    assert type(again) is cls
    np.testing.assert_allclose(again.predict(inputs, verbose=0), outputs, rtol=1e-5, atol=1e-5)

# A classifier of texts, with WordPiece.
words = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "the", "quick", "brown", "fox", "jump", "##ed", "over", "lazy", "dog", "."]
tokenizer = models.BertTokenizer(vocabulary=words)
assert np.asarray(tokenizer("the fox jumped.")).tolist() == [5, 8, 9, 10, 14]
assert tokenizer(["the dog", "fox"]) == [[5, 13], [8]] and tokenizer.detokenize([5, 13]) == "the dog"
preprocessor = models.BertTextClassifierPreprocessor(tokenizer, sequence_length=8)
classifier = models.BertTextClassifier(models.BertBackbone(dropout=0.0, **bert_config), num_classes=2, preprocessor=preprocessor)
texts, labels = ["the quick brown fox jumped", "the lazy dog"] * 4, np.array([1, 0] * 4)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
classifier.compile(loss=loss, optimizer=keras.optimizers.Adam(0.03), metrics=["accuracy"])
losses = classifier.fit(texts, labels, epochs=12, batch_size=4, verbose=0).history["loss"]
assert losses[-1] < losses[0] / 2, losses
logits = classifier.predict(texts, verbose=0)
classifier.save("classifier.keras")
classifier.save_to_preset("preset_bert")
assert json.loads(Path("preset_bert/metadata.json").read_text())["tasks"] == ["MaskedLM", "TextClassifier", "TextEmbedder"]
for again in (keras.models.load_model("classifier.keras"), models.TextClassifier.from_preset("preset_bert")):
    assert type(again) is models.BertTextClassifier and again.preprocessor.tokenizer.get_vocabulary() == words
    np.testing.assert_allclose(again.predict(texts, verbose=0), logits, rtol=1e-4, atol=1e-4)

# Next words, with BPE: greedy search, and sampling that a seed repeats.
listed = "! air Ġair plane Ġat port <|endoftext|> a i r p o l t n e b Ġ Ġa Ġt ai pl ne po rt pla Ġai"
ids = {piece: i for i, piece in enumerate(listed.split())}
listed = "Ġ a,Ġ t,a i,p l,n e,Ġa t,p o,r t,ai r,pl a,po rt,Ġa i,Ġai r,pla ne"
merges = listed.split(",")
bpe = models.GPT2Tokenizer(vocabulary=ids, merges=merges)
assert bpe.detokenize(bpe(" airplane at airport")) == " airplane at airport"
gpt2 = models.GPT2Backbone(vocabulary_size=len(ids), num_heads=2, max_sequence_length=8, **small)
lm = models.GPT2CausalLM(gpt2, models.GPT2CausalLMPreprocessor(bpe, sequence_length=8))
lm.compile(optimizer=keras.optimizers.Adam(0.03), sampler="greedy")
lm.fit([" airplane at airport"] * 8, epochs=20, batch_size=8, verbose=0)
assert lm.generate(" airplane", max_length=8) == " airplane at airport"
lm.save_to_preset("preset_gpt2")
again = models.CausalLM.from_preset("preset_gpt2")
again.compile(sampler="greedy")
assert again.generate([" airplane"], max_length=8) == [" airplane at airport"]
sampled = []
for _ in range(2):
    lm.compile(sampler=keras_hub.samplers.TopKSampler(k=3, seed=1, temperature=5.0))
    sampled.append([lm.generate(" airplane", max_length=8) for _ in range(6)])
assert sampled[0] == sampled[1] and len(set(sampled[0])) > 1, sampled

# SentencePiece and bytes.
model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(texts), model_writer=model, vocab_size=40, hard_vocab_limit=False, model_type="unigram",
    pad_id=0, bos_id=1, eos_id=2, unk_id=3, minloglevel=2,
)  # fmt: skip
spm = tokenizers.SentencePieceTokenizer(proto=model.getvalue())
assert spm.detokenize(spm("the quick fox")) == "the quick fox"
assert np.asarray(tokenizers.ByteTokenizer()("hi")).tolist() == [104, 105]

# A classifier of images, which are resized.
converter = keras_hub.layers.ViTImageConverter(image_size=(8, 8), scale=1 / 255.0)
vit = models.ViTBackbone(image_shape=(8, 8, 3), patch_size=4, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16)
images = models.ViTImageClassifier(vit, 3, preprocessor=models.ViTImageClassifierPreprocessor(converter))
x = draw.integers(0, 255, (8, 12, 12, 3)).astype("float32")
images.fit(x, np.arange(8) % 3, epochs=2, verbose=0)
images.save_to_preset("preset_vit")
again = models.ImageClassifier.from_preset("preset_vit")
np.testing.assert_allclose(again.predict(x, verbose=0), images.predict(x, verbose=0), rtol=1e-4, atol=1e-4)
