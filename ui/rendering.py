"""An answer's markdown as HTML that is safe anywhere: no HTML of the answer's own, no image, no script, links only to
the web. Math stays its source.
"""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from ui.markdown import LATEX

LONGEST = 100  # lines of one formula: what is never closed must not cost a look at all the rest
_DOLLARS = re.compile(r"\$(?! )[^$\n]*[^$ \n]\$(?!\d)")  # $5 and $10 are prices
_ELSEWHERE = {"target": "_blank", "rel": "noopener noreferrer nofollow"}


def rendered(text: str) -> str:
    return _MARKDOWN.render(text)


def _is_web(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))


def _math(state: StateInline, silent: bool) -> bool:
    """LaTeX as one piece: its backslashes and underscores are no markdown."""
    opening = next((mark for mark in LATEX if state.src.startswith(mark, state.pos)), "")
    if opening:
        found = state.src.find(LATEX[opening], state.pos + len(opening))
        end = found + len(LATEX[opening]) if found > 0 else 0
    else:
        dollars = _DOLLARS.match(state.src, state.pos)
        end = dollars.end() if dollars else 0
    if not 0 < end <= state.posMax:
        return False
    if not silent:
        state.push("math", "", 0).content = state.src[state.pos : end]
    state.pos = end
    return True


def _display(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """LaTeX on lines of its own, which might begin like a list or a heading; an empty line ends it too."""
    begun = _line(state, first)
    opening = next((mark for mark in ("$$", "\\[") if begun.startswith(mark)), "")
    if not opening or state.is_code_block(first):
        return False
    for line in range(first, min(first + LONGEST, last)):
        said = _line(state, line)
        if not said:
            return False
        if said.endswith(LATEX[opening]) and (line > first or len(said) > 2 * len(opening)):
            break
    else:
        return False
    if not silent:
        state.push("math_block", "", 0).content = state.getLines(first, line + 1, state.blkIndent, False)
        state.line = line + 1
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].strip()


def _shown_math(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return f'<code class="math">{escape(tokens[index].content)}</code>'


def _shown_display(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return f'<pre class="math">{escape(tokens[index].content)}</pre>\n'


def _link(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    for name, value in _ELSEWHERE.items():
        tokens[index].attrSet(name, value)
    return str(renderer.renderToken(tokens, index, options, env))


def _cell(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """A column's side as a class: a style of its own would need a looser policy."""
    if side := tokens[index].attrs.pop("style", ""):
        tokens[index].attrSet("class", str(side).replace("text-align:", "to-"))
    return str(renderer.renderToken(tokens, index, options, env))


def _made() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    made.validateLink = _is_web  # type: ignore[method-assign]
    made.inline.ruler.before("escape", "math", _math)
    made.block.ruler.before("fence", "math_block", _display, {"alt": ["paragraph", "reference", "blockquote"]})
    made.add_render_rule("math", _shown_math)
    made.add_render_rule("math_block", _shown_display)
    made.add_render_rule("link_open", _link)
    for cell in ("th_open", "td_open"):
        made.add_render_rule(cell, _cell)
    return made


_MARKDOWN = _made()
