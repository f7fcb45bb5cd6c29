"""`python -m tests.fake --port N` serves the fake; `--demo` prints a backends.toml for it, a lane for each flag."""

import argparse
import os

from tests.fake.server import fake
from tests.fake.serving import server
from tests.fake.shows import demo


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fake", description="Servers of every kind, simulated.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "7870")))
    parser.add_argument("--key", default="", help="the key that it asks for (default: none)")
    parser.add_argument("--demo", action="store_true", help="only print a backends.toml with a lane for each flag")
    chosen = parser.parse_args()
    if chosen.demo:
        print(demo(f"http://127.0.0.1:{chosen.port}"))
    else:
        server(fake(chosen.key), port=chosen.port).run()


if __name__ == "__main__":
    main()
