"""The embedded model's own process: `python -m backends.local_server`. It knows llama.cpp's settings, and no lanes.

One JSON line in: `CommonParams` by dotted name. One JSON line out: `{"url": ...}` when the model is ready, or
`{"error": ...}`. It lives as long as its standard input is open, so it dies with the app however the app dies.
"""

import json
import os
import sys
import threading
from functools import reduce


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    try:
        import xllamacpp

        params = xllamacpp.CommonParams()
        for name, value in settings.items():
            *path, last = name.split(".")
            setattr(reduce(getattr, path, params), last, value)
        server = xllamacpp.Server(params)  # returns when the model is loaded
    except ImportError as error:  # the package is missing, or on a bare Linux the libgomp.so.1 that it needs
        _say(error=f"{error}. Run `pip install -r requirements.txt`, and for libgomp `apt-get install libgomp1`")
        os._exit(1)
    except Exception as error:  # llama.cpp gives no detail
        _say(error=f"llama.cpp says {str(error)!r} to {settings['model.path']}")
        os._exit(1)
    _say(url=server.listening_address)
    threading.Event().wait()


def _leave_with_the_parent() -> None:
    sys.stdin.read()
    os._exit(0)  # at once: a regular exit waits for the open streams


def _say(**line: str) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
