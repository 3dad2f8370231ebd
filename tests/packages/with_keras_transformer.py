"""keras-transformer: the translation of its README, trained and decoded."""

import numpy as np
from keras_transformer import decode, get_custom_objects, get_model
from tensorflow import keras

source = [["i", "see", "you"], ["you", "see", "me"]]
target = [["ich", "sehe", "dich"], ["du", "siehst", "mich"]]
tokens = {"<PAD>": 0, "<START>": 1, "<END>": 2}
for sentence in source + target:
    for token in sentence:
        tokens.setdefault(token, len(tokens))
encoded = [["<START>", *s, "<END>"] for s in source]
given = [["<START>", *s, "<END>"] for s in target]
wanted = [[*s, "<END>", "<PAD>"] for s in target]


def to_ids(rows):
    return np.array([[tokens[t] for t in row] for row in rows])


model = get_model(
    token_num=len(tokens), embed_dim=16, encoder_num=1, decoder_num=1, head_num=2, hidden_dim=32,
    attention_activation="relu", feed_forward_activation="relu", dropout_rate=0.0,
    embed_weights=np.random.default_rng(0).random((len(tokens), 16)),
)  # fmt: skip
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
x, y = [to_ids(encoded * 256), to_ids(given * 256)], to_ids(wanted * 256)[..., None]
losses = model.fit(x, y, epochs=12, verbose=0).history["loss"]
assert losses[-1] < 0.1 * losses[0], losses
decoded = decode(model, to_ids(encoded).tolist(), start_token=1, end_token=2, pad_token=0, max_len=8)
words = {index: token for token, index in tokens.items()}
assert [[words[i] for i in row[1:-1]] for row in decoded] == target, decoded
model.save("transformer.h5")
keras.models.load_model("transformer.h5", custom_objects=get_custom_objects())
