"""The command line: `python -m storage COMMAND`. It knows the commands by name, and how an error is told."""

import argparse
import os
import sys
from collections.abc import Sequence

from storage.commands import backup, bring, delete, export, migrate, restore, stats, verify
from storage.database import DEFAULT_URL
from storage.errors import TROUBLE, RatingError, RubricError, StorageError, TransferError, explained

COMMANDS = {
    "export": export,
    "import": bring,
    "backup": backup,
    "restore": restore,
    "verify": verify,
    "stats": stats,
    "delete": delete,
    "migrate": migrate,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m storage", description="Looks after what is kept.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    default = os.environ.get("DATABASE_URL", DEFAULT_URL)
    images = os.environ.get("IMAGE_STORE", "")
    for name, module in COMMANDS.items():
        about = (module.__doc__ or "").strip()
        command = commands.add_parser(name, help=about.splitlines()[0], description=about)
        command.add_argument("--database", default=default, metavar="URL", help="default: %(default)s")
        beside = images or "beside the database"
        command.add_argument("--images", default=images, metavar="ADDRESS", help=f"default: {beside}")
        module.add(command)
        command.set_defaults(run=module.run)
    given = parser.parse_args(arguments)
    try:
        given.run(given)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except TROUBLE as error:
        raise SystemExit(str(explained(error, given.database))) from error
    except (RatingError, RubricError, StorageError, TransferError) as error:
        raise SystemExit(str(error)) from error
    except OSError as error:
        raise SystemExit(f"{error.filename} can't be used ({error.strerror}): check its rights and room.") from error


if __name__ == "__main__":
    main()
