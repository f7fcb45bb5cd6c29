"""Draws the pictures of the prompt library, with nothing but Pillow and the fonts that come with it.

python -m docs.pictures
"""

import math
from functools import partial
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).parents[1] / "ui" / "assets" / "pictures"

INK, SOFT, LINE, PAPER, PAGE, BLUE = "#0f172a", "#64748b", "#cbd5e1", "#ffffff", "#f1f5f9", "#4f46e5"

TERMINAL = """\
$ python -m shop.report 2026-02
reading sales/2026-02.csv ... 28 days, 1903 sales
Traceback (most recent call last):
  File "<frozen runpy>", line 198, in _run_module_as_main
  File "/srv/shop/report.py", line 41, in <module>
    main(sys.argv[1])
  File "/srv/shop/report.py", line 33, in main
    rows = [summed(day, following(day)) for day in days]
  File "/srv/shop/report.py", line 21, in following
    return date(day.year, day.month, day.day + 1)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
ValueError: day is out of range for month
$ git log --oneline -2
9f3c2ab Sum the sales until the following day
1d07e55 Read one month at a time
$ """


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    pictures = {
        "login": login(),
        "traceback": terminal(TERMINAL),
        "states": states(),
        "card": card(button=372),
        "card-mended": card(button=232),
    }
    for name, picture in pictures.items():
        picture.quantize(48, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


def sheet(width: int, height: int, colour: str = PAGE) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", (width, height), colour)
    return picture, ImageDraw.Draw(picture)


def write(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, fill: str, anchor: str = "lm") -> None:
    draw.text(at, text, fill, ImageFont.load_default(size), anchor)


def login() -> Image.Image:
    """A form to sign in: every part of it can be found again in HTML."""
    picture, draw = sheet(560, 600)
    words = partial(write, draw)
    draw.rounded_rectangle((90, 40, 470, 560), 18, PAPER, LINE)
    draw.ellipse((256, 64, 304, 112), BLUE)
    words((280, 88), "N", 26, PAPER, "mm")
    words((280, 142), "Welcome back", 28, INK, "mm")
    words((280, 174), "Sign in to Northwind", 16, SOFT, "mm")
    for top, label in ((206, "Email"), (290, "Password")):
        words((122, top), label, 15, INK)
        draw.rounded_rectangle((122, top + 16, 438, top + 58), 8, PAPER, LINE, 2)
    words((136, 243), "ada@example.org", 16, SOFT)
    for left in range(136, 236, 14):
        draw.ellipse((left, 323, left + 7, 330), SOFT)
    words((438, 290), "Forgot it?", 15, BLUE, "rm")
    draw.rounded_rectangle((122, 370, 140, 388), 4, BLUE)
    draw.line([(126, 379), (130, 383), (136, 375)], PAPER, 2)
    words((150, 379), "Keep me signed in", 15, INK)
    draw.rounded_rectangle((122, 408, 438, 452), 8, BLUE)
    words((280, 430), "Sign in", 18, PAPER, "mm")
    draw.line([(122, 482), (438, 482)], LINE)
    draw.rectangle((262, 474, 298, 490), PAPER)
    words((280, 482), "or", 14, SOFT, "mm")
    words((280, 522), "New here?  Create an account", 16, BLUE, "mm")
    return picture


def terminal(text: str) -> Image.Image:
    """In Pillow's font of fixed width, twice as large."""
    font, lines = ImageFont.load_default_imagefont(), text.splitlines()
    width, height = 6 * max(map(len, lines)) + 20, 12 * len(lines) + 34
    picture, draw = sheet(width, height, "#111827")
    draw.rectangle((0, 0, width, 16), "#374151")
    for left, colour in ((6, "#ef4444"), (18, "#f59e0b"), (30, "#22c55e")):
        draw.ellipse((left, 5, left + 7, 12), colour)
    for number, line in enumerate(lines):
        colour = "#f87171" if "Error" in line or "^" in line else "#86efac" if line.startswith("$") else "#e5e7eb"
        draw.text((10, 24 + 12 * number), line, colour, font)
    draw.rectangle((22, 25 + 12 * (len(lines) - 1), 27, 34 + 12 * (len(lines) - 1)), "#e5e7eb")
    return picture.resize((2 * width, 2 * height), Image.Resampling.NEAREST)


def states() -> Image.Image:
    """How an order may go from state to state."""
    picture, draw = sheet(760, 360, PAPER)
    words = partial(write, draw)
    places = {
        "new": (90, 120),
        "paid": (240, 120),
        "packed": (390, 120),
        "shipped": (540, 120),
        "delivered": (680, 120),
        "cancelled": (240, 280),
        "returned": (680, 280),
    }
    words((24, 34), "Order: states and what leads from one to the next", 19, INK)
    across = [("new", "paid", "pay"), ("paid", "packed", "pack"), ("packed", "shipped", "ship")]
    for origin, target, act in [*across, ("shipped", "delivered", "arrive")]:
        left, right, middle = places[origin][0] + 46, places[target][0] - 54, places[origin][1]
        arrow(draw, (left, middle), (right, middle))
        words(((left + right) // 2, middle - 16), act, 14, SOFT, "mm")
    arrow(draw, (100, 144), (200, 250))
    words((128, 208), "cancel", 14, SOFT, "rm")
    arrow(draw, (240, 144), (240, 248))
    words((248, 172), "cancel, refund", 14, SOFT)
    arrow(draw, (380, 144), (282, 250))
    words((362, 206), "cancel, refund, restock", 14, SOFT)
    arrow(draw, (680, 144), (680, 248))
    words((670, 200), "send back", 14, SOFT, "rm")
    for name, (x, y) in places.items():
        last = name in ("cancelled", "returned")
        draw.rounded_rectangle((x - 46, y - 24, x + 46, y + 24), 12, "#fee2e2" if last else "#e0e7ff", INK, 2)
        words((x, y), name, 16, INK, "mm")
    return picture


def arrow(draw: ImageDraw.ImageDraw, origin: tuple[int, int], target: tuple[int, int]) -> None:
    draw.line([origin, target], INK, 2)
    draw.regular_polygon((*target, 7), 3, rotation=_turned(origin, target), fill=INK)


def _turned(origin: tuple[int, int], target: tuple[int, int]) -> float:
    """Degrees by which a triangle that points up is turned to point from `origin` to `target`."""
    return math.degrees(math.atan2(origin[0] - target[0], origin[1] - target[1]))


def card(button: int) -> Image.Image:
    """A card with a price, 280 wide, whose button has this width."""
    picture, draw = sheet(480, 420)
    words = partial(write, draw)
    draw.rounded_rectangle((60, 40, 340, 380), 16, PAPER, LINE, 2)
    words((84, 78), "Team", 24, INK)
    words((84, 108), "For up to twenty people", 15, SOFT)
    words((84, 162), "$29", 42, INK)
    words((168, 172), "per month", 15, SOFT)
    for number, line in enumerate(("Unlimited projects", "Shared prompts", "Answers within a day")):
        top = 214 + 28 * number
        draw.line([(86, top), (91, top + 5), (99, top - 5)], "#059669", 3)
        words((110, top), line, 16, INK)
    draw.rounded_rectangle((84, 312, 84 + button, 356), 10, BLUE)
    words((84 + button // 2, 334), "Start the free month", 17, PAPER, "mm")
    return picture


if __name__ == "__main__":
    main()
