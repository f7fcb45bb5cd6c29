"""Who asks, and what they may do: evaluators choose lanes and rate, admins edit backends besides."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # what is read before the app starts does not wait for gradio
    import gradio as gr
    from starlette.requests import Request

Role = Literal["evaluator", "admin"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who logged in: `id` stays theirs whatever they are called, `name` stands on their ratings. Without a login it is
    nobody, with neither. An admin is only who is said to be one."""

    id: str = ""
    name: str = ""
    role: Role = "evaluator"


def account(request: "Request | gr.Request") -> Account:
    """As the door has found it; whoever never came through it is nobody."""
    return getattr(getattr(request, "state", None), "account", None) or Account()


def is_admin(request: "Request | gr.Request") -> bool:
    """Without a login on this machine alone, whoever reaches the page is one."""
    return account(request).role == "admin"
