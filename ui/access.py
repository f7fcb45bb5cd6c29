"""Who may do what: evaluators choose lanes and rate, admins edit backends besides."""

import gradio as gr
from starlette.requests import Request


def is_admin(request: Request | gr.Request) -> bool:
    """Without a login, whoever reaches the page is one."""
    return True
