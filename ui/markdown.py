"""Answers as markdown in which HTML and images stay the text that the model wrote.

The page's renderer would make elements of them. Code is left alone; what only might be code is escaped, at worst
showing `&lt;` inside it. One pass over the lines: the cost grows with the text alone.
"""

import re
from collections.abc import Iterator

LATEX = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}

_FENCE = re.compile(r"(?P<before>[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)(?P<marks>`{3,}(?=[^`]*$)|~{3,})")
_DIAGRAM = re.compile("mermaid", re.IGNORECASE)  # drawn, it would be a program with addresses of its own: it stays code
_ANYTHING = re.compile(r"<|!\[|\$|mermaid", re.IGNORECASE)
_LIVE = r"<(?=[A-Za-z/!?])"
_MARKS = re.compile(rf"(?P<ticks>`+)|(?P<math>\$\$|\$|\\\[|\\\()|(?P<escaped>\\.)|(?P<tag>{_LIVE})|(?P<image>!\[)")
_TAG = re.compile(_LIVE)
# a dollar opens LaTeX before no space and closes it after none and before no digit: $5 and $10 are prices
_DOLLARS = re.compile(r"(?! )([^$]*[^ $])\$(?!\d)")


def shown(text: str) -> str:
    """The text to be rendered: `<b>` outside code becomes `&lt;b>`, `![` is no image, `$x$` becomes `\\(x\\)`."""
    return "\n".join(_lines(text)) if _ANYTHING.search(text) else text


def _lines(text: str) -> Iterator[str]:
    fence, column = "", 0  # the marks of the code block that this line is in, and where they stood
    closing = ""  # of the LaTeX that this line is in
    for line in text.split("\n"):
        bare = line.strip()
        if fence and bare and len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip()) < column:
            fence = ""  # the list item that held the block is over, and so is the block
        if not bare:
            closing = ""
        if fence:
            if bare.startswith(fence) and not bare.strip(fence[0]):
                fence = ""
            yield line
        elif found := _FENCE.match(line):
            fence, column, closing = found["marks"], len(found["before"].expandtabs(4)), ""
            yield _DIAGRAM.sub("text", line)
        else:
            line, closing = _prose(line, closing)
            yield line


def _prose(line: str, closing: str) -> tuple[str, str]:
    """A line outside code blocks, and what closes the LaTeX that goes on after it ("" for none)."""
    done: list[str] = []
    at = 0
    if closing:
        inside, found, _ = line.partition(closing)
        if not found:
            return _TAG.sub(r"\\lt ", line), closing
        done.append(_TAG.sub(r"\\lt ", inside) + closing)
        at, closing = len(inside) + len(closing), ""
    hopeless: set[str] = set()  # what the rest of this line does not close
    while found := _MARKS.search(line, at):
        done.append(line[at : found.start()])
        mark, at = found[0], found.end()
        if found["tag"]:
            done.append("&lt;")
        elif found["image"]:
            done.append("!\\[")
        elif found["escaped"] or mark in hopeless:
            done.append(mark)
        elif found["ticks"]:
            code = re.compile(rf"(?<!`){mark}(?!`)").search(line, at)
            if code is None:
                hopeless.add(mark)
            # a table's cells end at `|`, before any code does
            elif "|" not in line[at : code.end()]:
                done.append(mark + line[at : code.end()])
                at = code.end()
                continue
            done.append(mark)
        elif mark == "$":
            math = _DOLLARS.match(line, at)
            done.append("\\(" + _TAG.sub(r"\\lt ", math[1]) + "\\)" if math else mark)
            at = math.end() if math else at
        else:
            end = line.find(LATEX[mark], at)
            if end < 0 and mark in ("$$", "\\["):
                return "".join(done) + mark + _TAG.sub(r"\\lt ", line[at:]), LATEX[mark]
            if end < 0:
                hopeless.add(mark)
                done.append(mark)
            else:
                done.append(mark + _TAG.sub(r"\\lt ", line[at:end]) + LATEX[mark])
                at = end + len(LATEX[mark])
    return "".join(done) + line[at:], closing
