"""Reads exports with `datasets` and trains on them with TRL, a step each; what it saw is its result, as JSON in a file.

It runs in the environment of requirements-trl.txt, not in the project's. The models are tiny and random, their
tokenizer knows bytes; the chat templates are those that come with TRL.
"""

import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import trl
from datasets import Dataset, disable_progress_bars, load_dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

TEMPLATES = Path(trl.__file__).parent / "chat_templates"
LOADERS = {".jsonl": "json", ".parquet": "parquet", ".csv": "csv"}
SPECIAL = ("<|pad|>", "<|im_start|>", "<|im_end|>", "<image>")
SIDE, PATCH = 32, 16  # pixels: an image is four tokens, and one of its own
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
QUIET: dict[str, Any] = {
    "max_steps": 1,
    "per_device_train_batch_size": 2,
    "learning_rate": 0.1,
    "max_length": None,
    "use_cpu": True,
    "bf16": False,
    "report_to": [],
    "save_strategy": "no",
    "disable_tqdm": True,
}


def main(folder: Path, late: Path, cache: Path) -> dict[str, Any]:
    disable_progress_bars()
    files = {path.stem: path for path in sorted(folder.glob("*/*")) if path.suffix in LOADERS}
    rows = {name: loaded(path, cache) for name, path in files.items()}
    return {
        "counts": {name: len(each) for name, each in rows.items()},
        "as_files": {name: len(by_file(path, cache)) for name, path in files.items()},
        "types": {name: {key: repr(kind) for key, kind in each.features.items()} for name, each in rows.items()},
        "first": {name: plain(each[0]) for name, each in rows.items() if len(each)},
        "last": {name: plain(each[-1]) for name, each in rows.items() if len(each)},
        "late": plain(loaded(late / "dpo.jsonl", cache)[-1]),
        "dpo": dpo(rows["dpo"]),
        "vision": vision(rows["dpo_vision"]),
        "kto": kto(rows["kto"]),
    }


def loaded(path: Path, cache: Path) -> Dataset:
    """As a folder that is ready to push, with the types of its card."""
    return load_dataset(str(path.parent), path.stem, split="train", cache_dir=str(cache))


def by_file(path: Path, cache: Path) -> Dataset:
    return load_dataset(LOADERS[path.suffix], data_files=str(path), split="train", cache_dir=str(cache))


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Pictures as their sizes."""
    images = row.get("images") or []
    sizes = {"images": [image.size for image in images]} if hasattr(next(iter(images), None), "size") else {}
    return row | sizes


def tokenizer(template: str) -> PreTrainedTokenizerFast:
    vocabulary = {token: place for place, token in enumerate([*SPECIAL, *pre_tokenizers.ByteLevel.alphabet()])}
    bytes_ = Tokenizer(models.BPE(vocabulary, []))
    bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bytes_.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=bytes_,
        pad_token="<|pad|>",
        eos_token="<|im_end|>",
        extra_special_tokens={"image_token": "<image>", "start_token": "<|im_start|>"},
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = (TEMPLATES / template).read_text(encoding="utf-8")
    return made


def text_model(words: PreTrainedTokenizerFast, path: Path) -> str:
    """As a path: TRL makes its reference model from it again."""
    config = Qwen3Config(**SMALL, **spoken(words), num_key_value_heads=2, head_dim=16)
    Qwen3ForCausalLM(config).save_pretrained(path)
    words.save_pretrained(path)
    return str(path)


def vision_model(words: PreTrainedTokenizerFast, path: Path) -> tuple[str, LlavaProcessor]:
    all_patches = {"vision_feature_select_strategy": "full"}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**SMALL, image_size=SIDE, patch_size=PATCH),
        text_config=LlamaConfig(**SMALL, **spoken(words), num_key_value_heads=2),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        **all_patches,
    )
    LlavaForConditionalGeneration(config).save_pretrained(path)
    sizes = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
    processor = LlavaProcessor(
        CLIPImageProcessorPil(**sizes),
        words,
        patch_size=PATCH,
        num_additional_image_tokens=1,
        chat_template=words.chat_template,
        **all_patches,
    )
    processor.save_pretrained(path)
    return str(path), processor


def spoken(words: PreTrainedTokenizerFast) -> dict[str, int]:
    return {"vocab_size": len(words), "pad_token_id": words.pad_token_id, "eos_token_id": words.eos_token_id}


def dpo(rows: Dataset) -> dict[str, Any]:
    words = tokenizer("qwen3.jinja")
    with tempfile.TemporaryDirectory() as folder:
        model = text_model(words, Path(folder) / "model")
        trainer = DPOTrainer(
            model, args=DPOConfig(output_dir=folder, **QUIET), train_dataset=rows, processing_class=words
        )
        told = [
            {key: words.decode(row[f"{key}_ids"]) for key in ("prompt", "chosen", "rejected")}
            for row in trainer.train_dataset
        ]
        return trained(trainer) | {"told": told}


def vision(rows: Dataset) -> dict[str, Any]:
    words = tokenizer("llava_next.jinja")
    with tempfile.TemporaryDirectory() as folder:
        model, processor = vision_model(words, Path(folder) / "model")
        trainer = DPOTrainer(
            model, args=DPOConfig(output_dir=folder, **QUIET), train_dataset=rows, processing_class=processor
        )
        batch = trainer.data_collator([dict(row) for row in trainer.train_dataset])
        told = [
            words.decode([token for token in ids if token != words.pad_token_id]) for ids in batch["input_ids"].tolist()
        ]
        return trained(trainer) | {"told": told, "pictures": list(batch["pixel_values"].shape)}


def kto(rows: Dataset) -> dict[str, Any]:
    words = tokenizer("qwen3.jinja")
    with tempfile.TemporaryDirectory() as folder:
        model = text_model(words, Path(folder) / "model")
        trainer = KTOTrainer(
            model, args=KTOConfig(output_dir=folder, **QUIET), train_dataset=rows, processing_class=words
        )
        told = [
            {"prompt": words.decode(row["prompt_ids"]), "completion": words.decode(row["completion_ids"])}
            | {"label": row["label"]}
            for row in trainer.train_dataset
        ]
        return trained(trainer) | {"told": told}


def trained(trainer: Any) -> dict[str, Any]:
    """A step changes the model."""
    before = [each.detach().clone() for each in trainer.model.parameters()]
    loss = trainer.train().training_loss
    changed = sum(not torch.equal(old, new) for old, new in zip(before, trainer.model.parameters(), strict=True))
    return {"loss": loss, "finite": math.isfinite(loss), "changed": changed}


if __name__ == "__main__":
    exports, late_one, scratch, out = map(Path, sys.argv[1:])
    out.write_text(json.dumps(main(exports, late_one, scratch), default=str), encoding="utf-8")
