"""`python -m benchmarks [NAME ...] [--quick]`: runs those named, or all."""

import argparse
from importlib import import_module

NAMES = ("reader", "page", "long", "start", "replay", "history", "data", "load", "soak")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Prints ratios against a baseline run beside."
    )
    parser.add_argument("names", nargs="*", metavar="|".join(NAMES), help="which ones (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter repeats")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(NAMES):
        parser.error(f"no benchmark named {', '.join(sorted(unknown))}")
    for name in chosen.names or NAMES:
        import_module(f"benchmarks.{name}").main(chosen.quick)


if __name__ == "__main__":
    main()
