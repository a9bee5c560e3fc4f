"""The `ganzfeld` command. This module imports no torch, so that `--help` answers at once."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Sequence

import tyro

from ganzfeld.commands import data as about_data
from ganzfeld.commands import measuring, training, translating
from ganzfeld.errors import GanzfeldError

PURPOSE = "Generative adversarial networks: one command from data to a generator."
LISTS = ("--set", "--label", "--metrics")  # take one value or several, once or again

app = tyro.extras.SubcommandApp()
data_app = tyro.extras.SubcommandApp()
checkpoint_app = tyro.extras.SubcommandApp()

for command in (training.train, training.resume, training.sample, training.recipes):
    app.command()(command)
app.command()(measuring.evaluate)
app.command()(translating.translate)
data_app.command(name="check")(about_data.data_check)
data_app.command(name="sheet")(about_data.data_sheet)
checkpoint_app.command()(training.verify)


@app.command
def data() -> None:
    """data check: find bad pictures. data sheet: see the data as training does."""


@app.command
def checkpoint() -> None:
    """checkpoint verify: check a run's files against their hashes."""


GROUPS = {"data": data_app, "checkpoint": checkpoint_app}  # these two take a second word


def spread_lists(arguments: Sequence[str]) -> list[str]:
    """`--set a b` as `--set a --set b`, so that both ways of writing it work."""
    spread: list[str] = []
    current = ""
    for argument in arguments:
        if argument.startswith("-"):
            current = argument if argument in LISTS else ""
            if not current:
                spread.append(argument)
        elif current:
            spread += [current, argument]
        else:
            spread.append(argument)
    return spread


def main(arguments: Sequence[str] | None = None) -> None:
    """The `ganzfeld` command. Ends in SystemExit with a code of `ganzfeld.errors`."""
    words = spread_lists(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] in GROUPS:
            group = GROUPS[words[0]]
            group.cli(prog=f"ganzfeld {words[0]}", args=words[1:] or ["--help"])
        else:
            app.cli(prog="ganzfeld", args=words or ["--help"], description=PURPOSE)
    except GanzfeldError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.code) from None
    except BrokenPipeError:
        raise SystemExit(0) from None
    except KeyboardInterrupt:  # before or beside training, which has an ear for it
        print("stopped", file=sys.stderr)
        raise SystemExit(130) from None
    except Exception:
        with tempfile.NamedTemporaryFile("w", suffix=".txt", prefix="ganzfeld-", delete=False) as f:
            f.write(traceback.format_exc())
        line = traceback.format_exc().strip().splitlines()[-1]
        print(
            f"error[70]: this is a bug in ganzfeld: {line}\n  fix:  please report it with {f.name}",
            file=sys.stderr,
        )
        raise SystemExit(70) from None


if __name__ == "__main__":
    main()
