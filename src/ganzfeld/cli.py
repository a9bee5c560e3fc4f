"""The `ganzfeld` command. This module imports no torch, so that `--help` answers at once."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

import tyro

from ganzfeld.commands import bench, data, measuring, study, training, translating, using
from ganzfeld.errors import OF_DISK, GanzfeldError, ResourceError, of_disk

PURPOSE = "Generative adversarial networks: one command from data to a generator."
LISTS = ("--set", "--label", "--metrics")  # take one value or several, once or again

COMMANDS = (
    training.train,
    training.resume,
    training.sample,
    training.recipes,
    measuring.evaluate,
    measuring.report,
    measuring.compare,
    translating.translate,
    using.progress,
    using.interpolate,
    using.augment,
)
GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {  # these take a second word
    "data": ("look at data before training", {"check": data.data_check, "sheet": data.data_sheet}),
    "checkpoint": ("check a run's files", {"verify": training.verify}),
    "study": (
        "experiments with an answer",
        {"augmentation": study.study_augmentation, "families": study.study_families},
    ),
    "bench": ("known data, known answers", {"modes": bench.bench_modes}),
}


def application() -> tyro.extras.SubcommandApp:
    app = tyro.extras.SubcommandApp()
    for command in COMMANDS:
        app.command()(command)
    for name, (about, commands) in GROUPS.items():
        listed: Callable[[], None] = lambda: None  # noqa: E731
        listed.__doc__ = f"{about}: {', '.join(commands)}."
        app.command(name=name)(listed)
    return app


def group_application(name: str) -> tyro.extras.SubcommandApp:
    app = tyro.extras.SubcommandApp()
    for word, command in GROUPS[name][1].items():
        app.command(name=word)(command)
    return app


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


def fail(error: GanzfeldError) -> NoReturn:
    print(error, file=sys.stderr)
    raise SystemExit(error.code) from None


def main(arguments: Sequence[str] | None = None) -> None:
    """The `ganzfeld` command. Ends in SystemExit with a code of `ganzfeld.errors`."""
    words = spread_lists(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] in GROUPS:
            app = group_application(words[0])
            app.cli(prog=f"ganzfeld {words[0]}", args=words[1:] or ["--help"])
        else:
            app = application()
            app.cli(prog="ganzfeld", args=words or ["--help"], description=PURPOSE)
    except GanzfeldError as error:
        fail(error)
    except BrokenPipeError:
        raise SystemExit(0) from None
    except KeyboardInterrupt:  # before or beside training, which has an ear for it
        print("stopped", file=sys.stderr)
        raise SystemExit(130) from None
    except MemoryError:
        fail(ResourceError("out of memory", fix="less at once: --count, --size, --batch or --side"))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in OF_DISK:
            fail(of_disk(error))
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
