import time

import pytest

from ui.markdown import shown


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a <b>bold</b> move <!-- x -->", "a &lt;b>bold&lt;/b> move &lt;!-- x -->"),
        ("![x](https://example.com/x.png)", "!\\[x](https://example.com/x.png)"),
        ("it`s\n\n<b>\n\nit`s", "it`s\n\n&lt;b>\n\nit`s"),
        ("it`s\n<b>\nit`s", "it`s\n&lt;b>\nit`s"),
        ("Hello\n    <b>", "Hello\n    &lt;b>"),
        ("| a ` | <b> ` |", "| a ` | &lt;b> ` |"),
        ("\\`<b>`", "\\`&lt;b>`"),
        ("`` ` <b>", "`` ` &lt;b>"),
        ("```\n<a>\n```\n<b>", "```\n<a>\n```\n&lt;b>"),
        ("- ```html\n  <a>\n  ```\n<b>", "- ```html\n  <a>\n  ```\n&lt;b>"),
        ("- x\n  ```\n  <a>\n<b>", "- x\n  ```\n  <a>\n&lt;b>"),
        ("````\n```\n<a>\n````\n<b>", "````\n```\n<a>\n````\n&lt;b>"),
        ("$a<b$ and $1 <b>", "\\(a\\lt b\\) and $1 &lt;b>"),
        ("$5 and $10", "$5 and $10"),
        ("```mermaid\ngraph\n```", "```text\ngraph\n```"),
        ("$x$, $y_1$", "\\(x\\), \\(y_1\\)"),
        ("$$\na<b\n$$\n<b>", "$$\na\\lt b\n$$\n&lt;b>"),
        ("echo $$\n\n```\n<a>\n```\n<b>", "echo $$\n\n```\n<a>\n```\n&lt;b>"),
    ],
)
def test_what_is_no_code_is_escaped(written: str, expected: str) -> None:
    assert shown(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "`<b>`",
        "`![x](y)`",
        "``a ` <b>``",
        "```html\n<b>\n```",
        "~~~\n<b>\n~~~",
        "```\n<b> still streaming",
        "1. First:\n   ```html\n   <b>\n   ```\n2. Then",
        "1 < 2",
        "a <3 b",
    ],
)
def test_code_is_left_alone(written: str) -> None:
    assert shown(written) == written


@pytest.mark.parametrize("piece", ["\\(x", "$x", "`x``y```z", "<b", "![", "\\", "| ` | <b> ` |"])
def test_the_cost_grows_with_the_text_alone(piece: str) -> None:
    def cost(times: int) -> float:
        text = piece * times + "<b"
        started = time.process_time()
        shown(text)
        return time.process_time() - started

    short = max(min(cost(2_000) for _ in range(3)), 1e-3)
    assert cost(20_000) < 40 * short
