"""The command line: arguments to ``edgeq.api`` to exit codes."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line on ``sys.argv`` and return its exit code.

    0 ok, 1 a verification failed, 2 bad usage or input, 3 not supported, 70 an internal error,
    130 interrupted, 141 the reader of the output went away.
    """
    try:
        # Imported here, so that even an interrupt while Python is still reading files is quiet.
        from edgeq.cli.app import run

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("edgeq: interrupted\n")
        return 130
    except Exception as error:
        # An installation that cannot even be imported.
        from edgeq.cli.guard import report

        return report(error, debug="--debug" in sys.argv)


__all__ = ["main"]
