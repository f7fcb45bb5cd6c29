"""A recipe as an entry of `backends.toml`."""

from typing import Any

from serving.command import Wish
from serving.recipe import Recipe


def entry(recipe: Recipe, wish: Wish, name: str = "", base_url: str = "", key_env: str = "") -> dict[str, Any]:
    """The keys of its `[[backend]]`, those without a value left out. A hosted one's address is known to its kind."""
    own = {} if recipe.hosted else {"base_url": base_url or f"http://127.0.0.1:{recipe.port}/v1"}
    weights = {} if recipe.hosted else {"artifact": wish.artifact.name, "context": wish.context}
    keys = {
        "name": name or suggested_name(recipe, wish),
        "kind": recipe.kind,
        **own,
        "model": served_name(recipe, wish),
        **weights,
        "key_env": key_env,
    }
    return {key: value for key, value in keys.items() if value}


def served_name(recipe: Recipe, wish: Wish) -> str:
    """What the server calls the model: by itself, the repository."""
    return recipe.served.get(wish.model.name, wish.artifact.repository)


def suggested_name(recipe: Recipe, wish: Wish) -> str:
    parts = [wish.model.name, recipe.name, "" if recipe.hosted else wish.artifact.name]
    return "-".join(part.lower().replace(" + ", "-").replace(" ", "-") for part in parts if part)
