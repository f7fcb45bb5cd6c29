"""Demo eyes for a text model: writes a projector through which llama.cpp shows it an image as one colour word.

No vision is learned here. The image's mean colour picks the nearest of six corners of the RGB cube, and the model is
given its own embedding of that corner's name in place of the image. Only saturated colours are recognised.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

CORNERS = {
    "red": (1, -1, -1),
    "green": (-1, 1, -1),
    "blue": (-1, -1, 1),
    "yellow": (1, 1, -1),
    "white": (1, 1, 1),
    "black": (-1, -1, -1),
}
SIDE = 32  # the image is scaled to one patch of 32 x 32 pixels, so it becomes one token
WIDTH, INNER = 32, 64  # llama.cpp takes the two feed-forward matrices for swapped when these are equal
SHARPNESS = 8.0


def eyes_path(model: Path) -> Path:
    """Where the projector for `model` is kept: a name of its own for each file and each version of this recipe."""
    facts = model.stat()
    recipe = Path(__file__).read_bytes() + f"{model}:{facts.st_size}:{facts.st_mtime_ns}".encode()
    # the user's cache, since it is made from the weights alone: no data, and safe to delete
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lanewise"
    return cache / f"eyes-{hashlib.sha256(recipe).hexdigest()[:16]}.gguf"


def make_eyes(model: Path, projector: Path) -> None:
    """Takes two seconds and 200 MB, so the app does it in a process of its own: `python -m backends.local_eyes`."""
    projector.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=projector.parent) as folder:
        unfinished = Path(folder) / projector.name
        _write(model, unfinished)
        unfinished.replace(projector)  # atomic: nobody ever reads half a projector


def _write(model: Path, projector: Path) -> None:
    from gguf import GGUFWriter

    words = _embeddings(model)
    writer = GGUFWriter(projector, "clip")
    _write_header(writer, words.shape[1])
    _write_encoder(writer)
    _write_projection(writer, words)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _embeddings(model: Path) -> Any:
    """The model's embeddings of the colour words, one row for each corner."""
    from gguf import GGUFReader, dequantize

    reader = GGUFReader(model)
    tokens = reader.fields["tokenizer.ggml.tokens"]
    wanted = {f"\u0120{word}".encode(): word for word in CORNERS}  # \u0120 marks a leading space
    rows = {wanted[text]: row for row, part in enumerate(tokens.data) if (text := bytes(tokens.parts[part])) in wanted}
    table = next(tensor for tensor in reader.tensors if tensor.name == "token_embd.weight")
    return dequantize(table.data[[rows[word] for word in CORNERS]], table.tensor_type)


def _write_header(writer: Any, n_embd: int) -> None:
    writer.add_string("general.name", "demo eyes")
    writer.add_string("general.license", "apache-2.0")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", True)
    sizes = {
        "image_size": SIDE,
        "patch_size": SIDE,
        "embedding_length": WIDTH,
        "feed_forward_length": INNER,
        "block_count": 1,
        "attention.head_count": 1,
        "projection_dim": n_embd,
    }
    for name, size in sizes.items():
        writer.add_uint32(f"clip.vision.{name}", size)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    for name in ("image_mean", "image_std"):
        writer.add_array(f"clip.vision.{name}", [0.5] * 3)  # so that channels run from -1 to 1


def _write_encoder(writer: Any) -> None:
    """One patch whose first three channels are the mean red, green and blue; the transformer block adds nothing."""
    import numpy as np

    def add(name: str, weight: Any, bias: int) -> None:
        writer.add_tensor(f"{name}.weight", weight.astype(np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(bias, np.float32))

    patch = np.zeros((WIDTH, 3, SIDE, SIDE), np.float16)
    for channel in range(3):
        patch[channel, channel] = 1 / SIDE**2
    writer.add_tensor("v.patch_embd.weight", patch)
    writer.add_tensor("v.position_embd.weight", np.zeros((1, WIDTH), np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
        add(f"v.blk.0.{name}", np.zeros((WIDTH, WIDTH)), WIDTH)
    add("v.blk.0.ffn_up", np.zeros((INNER, WIDTH)), INNER)
    add("v.blk.0.ffn_down", np.zeros((WIDTH, INNER)), WIDTH)
    for name in ("ln1", "ln2"):
        add(f"v.blk.0.{name}", np.ones(WIDTH), WIDTH)


def _write_projection(writer: Any, words: Any) -> None:
    """A hidden unit for each corner, silent unless the colour is near it, then that corner's word."""
    import numpy as np

    nearness, threshold = np.zeros((WIDTH, WIDTH)), np.full(WIDTH, -50.0)
    naming = np.zeros((words.shape[1], WIDTH))
    for unit, corner in enumerate(CORNERS.values()):
        nearness[unit, :3] = SHARPNESS * np.array(corner)
        threshold[unit] = -2 * SHARPNESS  # the corner itself scores 3, its neighbours 1
        naming[:, unit] = words[unit] / SHARPNESS
    for name, tensor in {
        "mm.0.weight": nearness,
        "mm.0.bias": threshold,
        "mm.2.weight": naming,
        "mm.2.bias": np.zeros(words.shape[1]),
    }.items():
        writer.add_tensor(name, tensor.astype(np.float32))


if __name__ == "__main__":
    make_eyes(Path(sys.argv[1]), Path(sys.argv[2]))
