"""What to change where a probe failed: the servers' own flags, where they are known."""

from backends.kind import Kind

# By topic, then kind; "" stands for every other kind.
_ADVICE = {
    "tools": {
        "vllm": "Start vLLM with `--enable-auto-tool-choice --tool-call-parser mistral`.",
        "sglang": "Start SGLang with `--tool-call-parser mistral`.",
        "llamacpp": "Start llama-server with `--jinja` and a chat template that knows tools (`--chat-template-file`).",
        "nim": "Use a NIM of a version that lists tool calling for this model.",
        "transformers": "transformers serve reads no Mistral tool calls: serve the model with vLLM for these.",
        "ollama": "Use a model whose template has tools (`ollama show` lists the capability).",
        "": "Switch on the server's tool-call parser for this model.",
    },
    "reasoning": {
        "vllm": "Start vLLM with `--reasoning-parser mistral`, and check its version.",
        "sglang": "Start SGLang with `--reasoning-parser mistral`.",
        "llamacpp": "Start llama-server with `--jinja` and `--reasoning-format auto` (or `deepseek`), not `none`.",
        "nim": "Use a NIM of a version that separates this model's reasoning.",
        "transformers": "transformers serve strips the marks: serve the model with vLLM where reasoning matters.",
        "": "Switch on the server's reasoning parser for this model.",
    },
    "vision": {
        "vllm": "Serve weights with their vision part, and don't start vLLM with `--limit-mm-per-prompt` of 0 images "
        "or `--language-model-only`.",
        "llamacpp": "Start llama-server with the model's projector: `--mmproj FILE`.",
        "": "Serve the model with its vision part.",
    },
    "context": {
        "vllm": "Start vLLM with a larger `--max-model-len`, or correct `context` in backends.toml.",
        "sglang": "Start SGLang with a larger `--context-length`, or correct `context` in backends.toml.",
        "llamacpp": "Start llama-server with a larger `-c` (each of its `-np` slots gets a share), or correct "
        "`context` in backends.toml.",
        "ollama": "Set a larger `num_ctx`, or correct `context` in backends.toml.",
        "": "Serve the model with a larger context, or correct `context` in backends.toml.",
    },
    "system": {
        "llamacpp": "Use a chat template without words of its own (`--chat-template-file`).",
        "vllm": "Start vLLM with `--tokenizer-mode mistral`: that adds no system prompt.",
        "": "Use a chat template that adds nothing to a system message, and passes it on once.",
    },
    "counts": {
        "vllm": "Start vLLM with `--tokenizer-mode mistral`, and compare the versions of mistral-common.",
        "": "Compare the chat templates and the tokenizers of both servers.",
    },
    "speculation": {
        "vllm": "Start vLLM with `--speculative-config` that names the eagle head, and look into its log.",
        "sglang": "Start SGLang with `--speculative-algorithm EAGLE --speculative-draft-model-path ...` and "
        "`--enable-metrics`.",
        "llamacpp": "llama.cpp can't use Mistral's eagle head: correct `artifact` in backends.toml, or use vLLM.",
        "": "Look into the server's log whether it loaded the eagle head.",
    },
    "overlong": {
        "ollama": "Ollama drops the oldest turns without a word: set a `num_ctx` that no prompt reaches.",
        "": "Don't let the server cut prompts: it should refuse those beyond its context.",
    },
}

# What the error kinds of `backends.errors` that a probe may meet have to do with.
_OF_ERRORS = {
    "tools_disabled": "tools",
    "no_vision": "vision",
    "context_overflow": "context",
}


def advice(topic: str, kind: Kind) -> str:
    """The embedded server is llama.cpp too."""
    found = _ADVICE[topic]
    return found.get("llamacpp" if kind.name == "local" else kind.name, found[""])


def of_error(error: str, kind: Kind) -> str:
    """For a refusal that the probe did not expect; "" where the refusal's own words say it all."""
    topic = _OF_ERRORS.get(error)
    return advice(topic, kind) if topic else ""
