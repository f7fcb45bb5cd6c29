"""What the fields that several views have mean: the columns of the tables, in words for people."""

from collections.abc import Iterable

from storage.exports.view import Field


def _fields(*rows: tuple[str, str, str]) -> dict[str, Field]:
    return {name: Field(name, kind, meaning) for name, kind, meaning in rows}


COMPARISON = _fields(
    ("id", "string", "the comparison"),
    ("created_at", "timestamp", "when it was asked, in UTC"),
    ("number", "integer", "its place among all, by time: what `--after` takes"),
    ("started_at", "timestamp", "from when the times of its lanes count; null until something came"),
    ("follows_id", "string", "the comparison that it continues"),
    ("prompt_id", "string", "the prompt asked of all lanes: SHA-256 of its text"),
    ("title", "string", "the beginning of what is asked, on one line"),
    ("maker", "string", "the viewer (browser) that asked"),
    ("origin", "string", "empty: asked here; `shipped`: the project's own; `imported`: answered elsewhere"),
    ("overlap", "integer", "ratings wanted from the rating queue; 0: it is not in it"),
    ("rated", "integer", "ratings of those wanted that it has"),
    ("remakes_id", "string", "the comparison whose lanes this one has anew, or beside others"),
    ("blind", "boolean", "asked to be shown without what tells its lanes apart"),
    ("pace", "string", "when blind answers appear: `together`, `equal pace`, `as it comes`"),
    ("traces", "string", "whose reasoning is shown blind: `hidden`, `shown`, `as it comes`"),
    ("schedule", "string", "how its lanes were run: `all at once`, `one after another`, ..."),
    ("warm_up", "boolean", "each server got a small request first"),
    ("samples", "integer", "how often each lane was asked; the first is shown and rated"),
    ("demo", "boolean", "a demo or simulated model answered, or the project ships it: nothing to train on"),
)

LANE = _fields(
    ("id", "string", "the answer"),
    ("comparison_id", "string", "its comparison"),
    ("position", "integer", "as asked, from the left, from 0; further samples of all lanes come after"),
    ("sample", "integer", "0: shown and rated; from 1: asked again"),
    ("crowded", "boolean", "another lane asked its server at the same time: its times are not its own"),
    ("copied_from_id", "string", "not asked again: the answer of an earlier comparison"),
    ("prompt_id", "string", "the prompt with the lane's own history"),
    ("backend", "string", "the declared name of the server"),
    ("kind", "string", "what the server is: `vllm`, `openai`, ..., `imported`"),
    ("address_hash", "string", "12 letters that tell addresses apart; the address is kept nowhere"),
    ("model", "string", "the model asked for"),
    ("artifact", "string", "which weights it serves: `FP8`, `NVFP4`, `Q4_K_M`, ..."),
    ("effort", "string", "reasoning effort"),
    ("temperature", "number", "as sent; null: the server's own"),
    ("max_tokens", "integer", "as sent; null: the server's own"),
    ("seed", "integer", "as sent; null: none"),
    ("replays", "boolean", "its own reasoning went back with the history"),
    ("waits", "boolean", "where the server asks to wait, it does"),
    ("price_in", "number", "per million tokens read, as declared"),
    ("price_out", "number", "per million tokens written, as declared"),
    ("state", "string", "how it ended: `done`, `failed`, `stopped`, ..."),
    ("reported_model", "string", "the model that the server says it is"),
    ("server", "string", "the server's version or fingerprint, as it says"),
    ("finish_reason", "string", "as the server gave it: `stop`, `length`, `tool_calls`, ..."),
    ("failure_kind", "string", "what kind of failure ended it"),
    ("failure_message", "string", "what the person was told"),
    ("prompt_tokens", "integer", "as the server counts"),
    ("completion_tokens", "integer", "as the server counts"),
    ("reasoning_tokens", "integer", "as the server counts"),
    ("cached_tokens", "integer", "as the server counts"),
    ("image_tokens", "integer", "as the server counts"),
    ("rounds", "integer", "requests made: more than one where tool calls were answered"),
    ("waited", "number", "seconds waited because the server asked to"),
    ("sent_us", "integer", "microseconds from `started_at`: the request left"),
    ("first_reasoning_us", "integer", "microseconds: the first reasoning"),
    ("last_reasoning_us", "integer", "microseconds: the last reasoning"),
    ("first_text_us", "integer", "microseconds: the first text of the answer"),
    ("first_us", "integer", "microseconds: the first of anything"),
    ("last_us", "integer", "microseconds: the last of anything"),
    ("end_us", "integer", "microseconds: the end"),
    ("pieces", "integer", "pieces in which it came"),
    ("request", "string", "the requests' bodies as sent, a line each, with each image named by its hash"),
    ("reasoning", "string", "the whole reasoning"),
    ("text", "string", "the whole answer"),
    ("calls", "list of objects", "tool calls: id, name, arguments as JSON text"),
    ("results", "list of objects", "what the calls were answered: index, content, source"),
    ("measured", "string", "what the server measured itself, as sent, a line each request"),
    ("flags", "list of objects", "what is odd about it: code and detail"),
)

RATING = _fields(
    ("id", "string", "the rating"),
    ("evaluator", "string", "who judged"),
    ("created_at", "timestamp", "when, in UTC"),
    ("ranking", "list of lists of integers", "groups of positions, best first; lanes in one group are tied"),
    ("all_bad", "boolean", "no answer is good"),
    ("skipped", "string", "why nothing was judged; such a rating never counts"),
    ("strength", "integer", "how much better one of two is: 1 slightly, 2 clearly, 3 much"),
    ("scores", "object", "by dimension of the rubric, a score from 1 (worst) for each position"),
    ("tags", "list of strings", "words chosen for it"),
    ("comment", "string", "words of the evaluator"),
    ("traces", "object", "how the reasoning was judged after the answers: its ranking, and marks by position"),
    ("early", "boolean", "a lane was still answering"),
    ("seconds", "number", "from when there was something to judge"),
    ("read", "list of integers", "positions whose answer was seen to its end"),
    ("opened", "list of integers", "positions whose reasoning was opened"),
    ("supersedes", "string", "the evaluator's earlier rating that this one replaces"),
    ("showing_id", "string", "how it was shown to the viewer who judged"),
    ("blind", "boolean", "nothing had told the lanes apart when it was made"),
)

SHOWING = _fields(
    ("id", "string", "the showing"),
    ("comparison_id", "string", "of this comparison"),
    ("viewer", "string", "to this browser"),
    ("blind", "boolean", "without what tells the lanes apart"),
    ("pace", "string", "when blind answers appeared"),
    ("traces", "string", "whose reasoning was shown blind"),
    ("seed", "integer", "of the shuffle"),
    ("order", "list of integers", "positions as shown, from the left"),
    ("created_at", "timestamp", "when it was decided"),
    ("rated_at", "timestamp", "when the answers were rated, if the reasoning is judged after them"),
    ("revealed_at", "timestamp", "when the blindness ended"),
    ("revealed_by", "string", "`rating` or `choice`"),
)

IMAGE = _fields(
    ("sha256", "string", "the image, named by its content"),
    ("mime", "string", "`image/png` or `image/jpeg`"),
    ("width", "integer", "pixels"),
    ("height", "integer", "pixels"),
    ("bytes", "integer", "size of the file"),
    ("created_at", "timestamp", "when it was first stored"),
)


def within(name: str, fields: Iterable[Field]) -> tuple[Field, ...]:
    """The fields of the things in a list."""
    return tuple(each._replace(name=f"{name}[].{each.name}") for each in fields)
