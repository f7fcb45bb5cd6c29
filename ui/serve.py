"""The Serve tab: from artifact, engine and hardware to a command, and from the command to a backend.

What it shows is JSON that the page asks for, since a choice is an address; only admins add backends.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit

from anyio import to_thread
from fastapi import APIRouter, Body, HTTPException, Request
from fastapi.responses import JSONResponse

from backends.addition import AdditionError, append, written
from backends.declaration import RULES, declared, kinds
from backends.discovery import Discovery
from backends.registry import Registry
from serving import shelf
from serving.command import Wish, command, compose, flags, tensor_parallel
from serving.entry import entry
from serving.hardware import Hardware
from serving.memory import Verdict, fit
from serving.model import Artifact, Model
from serving.recipe import Recipe
from ui.access import is_admin
from ui.component import Drawn

USUAL = "hgx-h200"  # with the vendor's two GPUs it gives the card's own command
REQUESTS = 4
MOST_REQUESTS = 10_000
LEAST_CONTEXT = 1024
ASKED = ("name", "base_url", "key_env")  # what the person says of a backend; the recipe knows the rest
LONGEST = 60  # letters of a lane's name
NOT_ADMIN = "Only admins add backends: send one of them this entry."


def build() -> None:
    Drawn("serve", needs=("ask", "tab"), elem_id="serve")


def routes(registry: Registry, discovery: Discovery, may: Callable[[Request], bool] = is_admin) -> APIRouter:
    router = APIRouter()

    @router.get("/serve.json")
    def told(asked: Request) -> dict[str, Any]:
        recipe, wish = chosen(asked.query_params)
        return shown(recipe, wish, asked.query_params) | {"admin": may(asked), "file": bool(registry.path)}

    @router.post("/serve/backend")
    async def add(asked: Request, sent: Annotated[dict[str, str], Body()]) -> Any:
        """The name of the new backend; or what is wrong, by field."""
        if not may(asked):
            raise HTTPException(403, NOT_ADMIN)
        recipe, wish = chosen(sent)
        said = {key: sent.get(key, "").strip() for key in ASKED}
        made = entry(recipe, wish, **said)
        if wrong := problems(registry, recipe, made, said):
            return JSONResponse({"problems": wrong}, 422)
        try:
            if registry.path is None:
                raise AdditionError("This app reads no file of backends.")
            declared(made)
            await to_thread.run_sync(append, registry.path, made)
        except (AdditionError, ValueError) as error:
            return JSONResponse({"problems": {"": str(error)}}, 409)
        discovery.reread()
        return {"name": made["name"]}

    return router


def chosen(asked: Mapping[str, str]) -> tuple[Recipe, Wish]:
    """What an address asks for; what it leaves out, or has wrong, is as usual."""
    kept = shelf.load()
    model = kept.models.get(asked.get("model", "")) or next(iter(kept.models.values()))
    recipe = kept.recipes.get(asked.get("engine", "")) or next(iter(kept.recipes.values()))
    artifact = model.artifact(asked.get("artifact", "")) or _first(model, recipe)
    hardware = kept.hardware.get(asked.get("hardware", "")) or kept.hardware[USUAL]
    context = _within(asked.get("context"), LEAST_CONTEXT, model.context, model.context)
    requests = _within(asked.get("requests"), 1, MOST_REQUESTS, REQUESTS)
    gpus = _within(asked.get("gpus"), 1, hardware.gpus, 0)
    return recipe, Wish(
        model, artifact, hardware, gpus or _enough(recipe, model, artifact, hardware, context, requests), context,
        requests,
    )  # fmt: skip


def _first(model: Model, recipe: Recipe) -> Artifact:
    return next((each for each in model.artifacts if each.name in recipe.artifacts), model.artifacts[0])


def _within(text: str | None, least: int, most: int, usual: int) -> int:
    return min(max(int(text), least), most) if text and re.fullmatch(r"\d{1,9}", text) else usual


def _enough(recipe: Recipe, model: Model, artifact: Artifact, hardware: Hardware, context: int, requests: int) -> int:
    """The vendor's minimum, or as few as it fits on."""
    for each in model.vendor:
        if each.hardware == hardware.name:
            return each.minimum
    for gpus in (1, 2, 4, 8):
        wish = Wish(model, artifact, hardware, gpus, context, requests)
        if gpus >= hardware.gpus or fit(recipe, wish).verdict is not Verdict.TOO_MUCH:
            return min(gpus, hardware.gpus)
    return hardware.gpus


def shown(recipe: Recipe, wish: Wish, asked: Mapping[str, str]) -> dict[str, Any]:
    model, artifact, hardware = wish.model, wish.artifact, wish.hardware
    refusal = recipe.refusal(model, artifact.name, hardware)
    served = not recipe.hosted and not refusal
    suggested = entry(recipe, wish, key_env=recipe.key_env if recipe.hosted else "")
    return {
        "choice": {
            "model": model.name,
            "engine": recipe.name,
            "artifact": artifact.name,
            "hardware": hardware.name,
            "gpus": wish.gpus,
            "context": wish.context,
            "requests": wish.requests,
        },
        "options": _options(recipe, wish),
        "title": recipe.title if recipe.hosted else f"{artifact.name} by {recipe.title}",
        "about": recipe.about,
        "artifact": None if recipe.hosted else {"best_for": artifact.best_for, "trade_off": artifact.trade_off},
        "hosted": recipe.hosted,
        "steps": recipe.steps,
        "refusal": refusal,
        "instead": recipe.serves(model) if refusal else [],
        "install": recipe.install if served else "",
        "command": command(recipe, wish) if served else "",
        "compose": compose(recipe, wish) if served else "",
        "idle": wish.gpus - tensor_parallel(wish.gpus) if served and recipe.cache == "copied" else 0,
        "flags": [asdict(each) for each in flags(recipe, wish)] if served else [],
        "versions": [asdict(each) for each in recipe.versions] if served else [],
        "warnings": [
            {"text": each.text, "refs": refs(each.ref)}
            for each in recipe.warnings
            if each.applies(model, artifact.name, hardware)
        ],
        "fit": asdict(fit(recipe, wish)) if served else None,
        "vendor": _vendor(model),
        "entry": written(suggested) if not refusal else "",
        "suggested": {key: suggested.get(key, "") for key in ASKED},
        "key_env": recipe.key_env,
        "guide": _guide(asked),
    }


def _options(recipe: Recipe, wish: Wish) -> dict[str, Any]:
    kept = shelf.load()
    return {
        "model": [[each.name, each.title] for each in kept.models.values()],
        "engine": [[each.name, each.title] for each in kept.recipes.values()],
        "artifact": [
            [each.name, each.name if each.name in recipe.artifacts else f"{each.name} (not here)"]
            for each in wish.model.artifacts
        ],
        "hardware": [[each.name, f"{each.title} · {each.memory / 1e9:g} GB a GPU"] for each in kept.hardware.values()],
        "gpus": [[n, str(n)] for n in range(1, wish.hardware.gpus + 1)],
    }


def _vendor(model: Model) -> list[dict[str, Any]]:
    kept = shelf.load()
    return [
        {"name": each.hardware, "hardware": kept.hardware[each.hardware].title}
        | {"minimum": each.minimum, "recommended": each.recommended}
        for each in model.vendor
    ]


def _guide(asked: Mapping[str, str]) -> dict[str, Any]:
    """The questions with their answers so far, and where they lead once one is given."""
    guide = shelf.load().guide
    answers = {each.name: asked[each.name] == "yes" for each in guide.questions if asked.get(each.name)}
    choice = asdict(guide.choose(answers)) if answers else None
    if choice:
        names = [choice["artifact"], shelf.load().recipes[choice["engine"]].title]
        choice["title"] = " by ".join(filter(None, names))
    questions = [{"name": each.name, "text": each.text, "answer": asked.get(each.name, "")} for each in guide.questions]
    return {"questions": questions, "choice": choice}


def refs(text: str) -> list[dict[str, str]]:
    """`owner/repository#1, #2` as links; a report whose repository is not named in full has none."""
    found, repository = [], ""
    for each in filter(None, re.split(r",\s*", text)):
        name, _, number = each.partition("#")
        repository = name or repository
        link = f"https://github.com/{repository}/issues/{number}" if "/" in repository else ""
        found.append({"text": each, "link": link})
    return found


def problems(registry: Registry, recipe: Recipe, made: dict[str, Any], said: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by field, in words."""
    wrong = {}
    for key in ASKED:
        fits, allowed = RULES[key]
        if key in made and not fits(made[key]):
            wrong[key] = f"It must be {allowed}."
    name = said["name"]
    if not name:
        wrong["name"] = "Give it a name: its lanes are called so."
    elif len(name) > LONGEST or not name.isprintable():
        wrong["name"] = f"A name has at most {LONGEST} letters, digits and marks, on one line."
    elif registry.find(name):
        wrong["name"] = f"There is a backend {name!r} already: choose another name."
    if not recipe.hosted and not said["base_url"]:
        wrong["base_url"] = "Say where it answers, such as http://gpu-1:8000/v1."
    if "key_env" not in wrong and (barred := _barred(registry, recipe, said["base_url"], said["key_env"])):
        wrong["key_env"] = barred
    return wrong


def _barred(registry: Registry, recipe: Recipe, base_url: str, key_env: str) -> str:
    """Why the app's variable may not be sent to that server: this form would otherwise tell any of its secrets. Whoever
    writes the file may send whatever they want."""
    owners = {kind.key_env: kind for kind in kinds().values() if kind.base_url}
    if not key_env or (recipe.hosted and key_env == kinds()[recipe.kind].key_env):
        return ""
    if owner := owners.get(key_env):
        return f"{key_env} is the key of {owner.title}'s own service, and is sent there alone."
    by_hand = f"if it should have {key_env}, write this entry into {registry.path and registry.path.name} yourself."
    gets = {_server(each.base_url) for each in registry.backends if each.key_env == key_env}
    if gets:
        return "" if _server(base_url) in gets else f"Another server has this key: {by_hand}"
    own = kinds()[recipe.kind].key_env
    return "" if key_env == own else f"From here, a server gets no key but its own{own and f', {own}'}: {by_hand}"


def _server(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc.lower()
