"""The `ganzfeld` command. This module imports no torch, so that `--help` answers at once."""

from __future__ import annotations

import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import tyro

from ganzfeld.cli import (
    app,
    bench,
    caption,
    data,
    doctor,
    editing,
    evaluate,
    export,
    metrics,
    publish,
    sample,
    serve,
    study,
    train,
    translate,
    using,
)
from ganzfeld.cli.showing import boxed, documented
from ganzfeld.cli.values import telling_of_replaced
from ganzfeld.cli.words import prepared
from ganzfeld.core.blame import own_place, reason_of
from ganzfeld.core.language import speak_of, tr
from ganzfeld.core.memory import amount, of_memory
from ganzfeld.core.streams import last_words
from ganzfeld.core.system import memory_limit
from ganzfeld.core.wrapping import wrapped
from ganzfeld.errors import OF_DISK, GanzfeldError, ResourceError, UsageError, did_you_mean, of_disk
from ganzfeld.text import lines, tolerate
from ganzfeld.version import __version__

PURPOSE = "Generative adversarial networks: one command from data to a generator."

COMMANDS: dict[str, Callable[..., None]] = {
    "train": train.train,
    "resume": train.resume,
    "sample": sample.sample,
    "recipes": train.recipes,
    "evaluate": evaluate.evaluate,
    "report": evaluate.report,
    "compare": evaluate.compare,
    "doctor": doctor.doctor,
    "translate": translate.translate,
    "caption": caption.caption,
    "progress": using.progress,
    "interpolate": using.interpolate,
    "directions": editing.directions,
    "project": editing.project,
    "mix": editing.mix,
    "augment": using.augment,
    "export": export.export,
    "app": app.app,
    "serve": serve.serve,
    "publish": publish.publish,
}
SECTIONS: dict[str, tuple[str, ...]] = {  # of the help; commands in none come last
    "train:": ("train", "resume", "recipes"),
    "draw:": ("sample", "translate", "caption", "interpolate", "progress", "augment"),
    "edit:": ("directions", "project", "mix"),
    "measure:": ("evaluate", "report", "compare", "doctor"),
    "ship:": ("app", "export", "serve", "publish"),
}
GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {  # these take a second word
    "data": ("look at data before training", {"check": data.data_check, "sheet": data.data_sheet}),
    "checkpoint": ("check a run's files", {"verify": train.verify}),
    "study": (
        "compare recipes; test whether synthetic data help",
        {"augmentation": study.study_augmentation, "families": study.study_families},
    ),
    "metrics": ("extractors that measure", {"install": metrics.metrics_install}),
    "bench": ("mode-coverage benchmarks", {"modes": bench.bench_modes}),
}


def call(prog: str, about: str, commands: dict[str, Callable[..., None]], words: list[str]) -> None:
    """Run the command that the first word names; only its options are made into a parser."""
    name, *rest = words or ["--help"]
    if name == "--version" and commands is COMMANDS:
        print(f"ganzfeld {__version__}")
    elif name in ("-h", "--help"):
        print(listing(prog, about, commands))
    elif name in GROUPS and commands is COMMANDS:
        call(f"{prog} {name}", *GROUPS[name], rest)
    elif name in commands:
        whole = f"{prog} {name}"
        make, description = documented(commands[name], whole.removeprefix("ganzfeld "))
        with telling_of_replaced(args := prepared(whole, commands[name], rest), make), boxed(args):
            tyro.cli(make, prog=whole, description=description, args=args)
    else:
        known = [*commands, *(GROUPS if commands is COMMANDS else ())]
        raise UsageError(
            f"there is no `{prog} {name}`. {did_you_mean(name, known)}", fix=f"{prog} --help"
        )


def listing(prog: str, about: str, commands: dict[str, Callable[..., None]]) -> str:
    """What there is to call, with the first line of what each says of itself."""
    rows = {name: (command.__doc__ or "").splitlines()[0] for name, command in commands.items()}
    if commands is COMMANDS:
        rows |= {name: f"{says} ({', '.join(own)})." for name, (says, own) in GROUPS.items()}
    width = min(shutil.get_terminal_size().columns, 100)
    wide = max(map(len, rows)) + 4
    purpose = about[0].upper() + about[1:].rstrip(".") + "."
    lines = [tr(f"usage: {prog} COMMAND ..."), "", tr(purpose), ""]
    for title, names in sections(commands, rows).items():
        lines += [tr(title)] if title else []
        for name in names:
            start = f"  {name}".ljust(wide)
            told = wrapped(tr(rows[name]), width - wide, "")
            lines += [(" " * wide if place else start) + line for place, line in enumerate(told)]
    return "\n".join([*lines, "", tr(f"`{prog} COMMAND --help` lists what a command takes.")])


def sections(
    commands: dict[str, Callable[..., None]], rows: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """The names to list, by the title above them; one without a title for a group's own."""
    if commands is not COMMANDS:
        return {"": tuple(rows)}
    placed = {name for names in SECTIONS.values() for name in names}
    return SECTIONS | {"more commands:": tuple(name for name in rows if name not in placed)}


FITS = {  # what takes less memory, by command
    "train": "a smaller --size or --batch",
    "sample": "fewer at once: a smaller --of, or none; no --grid",
    "evaluate": "--count 2000, and --reference 2000",
    "translate": "a smaller --side",
    "interpolate": "fewer --frames",
    "progress": "a smaller --count",
    "data": "--size 64, or less of the data at once",
    "report": "evaluate with a smaller --count first, or close other programs",
}


def without_memory(words: Sequence[str]) -> ResourceError:
    """What to say where memory has run out, outside of training's own guard."""
    command = words[0] if words else ""
    return ResourceError(
        f"out of memory{limit_of_memory()}",
        safe="files that were there before are untouched",
        fix=f"{FITS.get(command, 'less at once')}; more memory (ulimit -v, free -g)",
    )


def limit_of_memory() -> str:
    """The limit that the shell has set, where there is one."""
    limit = memory_limit()
    return "" if limit is None else f" (ulimit -v allows {amount(limit)})"


def fail(error: GanzfeldError) -> NoReturn:
    print(error.screen(tr), file=sys.stderr)  # made safe to print where it was made
    raise SystemExit(error.code) from None


def main(arguments: Sequence[str] | None = None) -> None:
    """The `ganzfeld` command. Ends in SystemExit with a code of `ganzfeld.errors`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    tolerate()
    speak_of()
    try:
        call("ganzfeld", PURPOSE, COMMANDS, words)
        if error := last_words():
            fail(of_disk(error, Path("the output")))
    except GanzfeldError as error:
        fail(error)
    except BrokenPipeError:
        last_words()
        raise SystemExit(0) from None
    except KeyboardInterrupt:  # training installs its own handler
        print(tr("stopped"), file=sys.stderr)
        raise SystemExit(130) from None
    except Exception as error:
        if of_memory(error):
            fail(without_memory(words))
        if isinstance(error, OSError) and error.errno in OF_DISK:
            fail(of_disk(error))
        with tempfile.NamedTemporaryFile(
            "w", suffix=".txt", prefix="ganzfeld-", delete=False, errors="backslashreplace"
        ) as f:
            f.write(traceback.format_exc())
        if own_place(error):
            fail(own_failed(error, f.name))
        ours(f.name)


def own_failed(error: Exception, place: str) -> UsageError:
    """What a user's own code did. place: the file of the traceback."""
    return UsageError(
        f"your own code failed: {reason_of(error)}",
        safe="what was written before is untouched",
        fix=f"mend that line; the whole traceback is in {place}",
    )


def ours(place: str) -> NoReturn:
    """Ask for a report of the error that is being handled. place: the file of the traceback."""
    line = lines(traceback.format_exc().strip().splitlines()[-1])
    print(tr(f"error[70]: this is a bug in ganzfeld: {line}"), file=sys.stderr)
    print(tr(f"  fix:  please report it with {place}"), file=sys.stderr)
    raise SystemExit(70) from None


if __name__ == "__main__":
    main()
