"""All that is declared: recipes, models and hardware, read once and checked against one another."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from serving import command, declared
from serving.declared import DeclarationError
from serving.guide import Guide
from serving.hardware import Hardware, Machines
from serving.model import Model
from serving.recipe import Recipe

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Shelf:
    """Each by its name, in the order in which they are offered."""

    recipes: Mapping[str, Recipe]
    models: Mapping[str, Model]
    hardware: Mapping[str, Hardware]
    guide: Guide


@cache
def load(folder: Path = FOLDER) -> Shelf:
    """Raises DeclarationError."""
    recipes = sorted(declared.files(folder / "recipes", Recipe), key=lambda each: each.order)
    models = list(declared.files(folder / "models", Model))
    machines = declared.read(folder / "hardware.toml", Machines)
    guide = declared.read(folder / "guide.toml", Guide)
    shelf = Shelf(
        {each.name: each for each in recipes},
        {each.name: each for each in models},
        {each.name: each for each in machines.hardware},
        guide,
    )
    _agree(shelf)
    return shelf


def _agree(shelf: Shelf) -> None:
    """Names that stand for one another's, and the `$names` of values."""
    for recipe in shelf.recipes.values():
        for unknown in command.unknown_names(recipe):
            raise DeclarationError(f"{recipe.name}: `${unknown}` is no name for a value.")
        known = {each.name for model in shelf.models.values() for each in model.artifacts}
        for case in (*recipe.flags, *recipe.warnings, *recipe.refusals):
            for missing in {*case.artifacts} - known:
                raise DeclarationError(f"{recipe.name}: no model has the artifact {missing!r}.")
            for missing in {*case.hardware} - shelf.hardware.keys():
                raise DeclarationError(f"{recipe.name}: there is no hardware {missing!r}.")
    for model in shelf.models.values():
        for missing in {each.hardware for each in model.vendor} - shelf.hardware.keys():
            raise DeclarationError(f"{model.name}: there is no hardware {missing!r}.")
    for choice in shelf.guide.choices:
        if choice.engine not in shelf.recipes:
            raise DeclarationError(f"guide.toml: there is no recipe {choice.engine!r}.")
