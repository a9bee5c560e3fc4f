"""Commands that measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

SETTINGS_SHOWN = 24  # rows that still fit a screen


def evaluate(
    model: Positional[str],
    data: Positional[str],
    /,
    *,
    other: Annotated[str | None, arg(name="with", metavar="DATA")] = None,
    metrics: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    extractor: str | None = None,
    protocol: Literal["tf1", "pytorch-fid", "clean"] | None = None,
    count: int | None = None,
    reference: int | None = None,
    held_out: str | None = None,
    fit: Literal["crop", "pad"] | None = None,
    labels: Annotated[str, arg(metavar="auto|none|folders|names|FILE")] = "auto",
    on_bad_image: Literal["fail", "skip"] | None = None,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    trust_code: bool = False,
    json: Path | None = None,
    quiet: bool = False,
) -> None:
    """Measure a generator, a translator, or any samples, against data.

    Args:
        model: A run's folder, a model's folder, or samples from elsewhere: images, sounds, lines,
            rows or arrays, as `train` takes them.
        data: The real samples, as `train` takes them. For images also an .npz with mu and sigma,
            as pytorch-fid writes it, for the Frechet distance alone.
        other: The second domain, for a translator, where DATA does not hold both.
        metrics: Names, such as frechet kernel recall. Default: all that can be computed.
        extractor: inception, domain, learned, random, or your own module as file.py:name. Default:
            inception if it is installed and suits the images; else domain if the data have
            labels that can be learned; else learned. Sounds, lines, rows and fields have their own.
        protocol: How inception's images are resized. Default: tf1.
        count: Samples to generate. Default: as many as the data, at most 10,000.
        reference: Samples of the data to compare with. Default: as many as generated.
        held_out: Data not used in training, for the memorisation test.
        fit: How to fit images whose aspect ratio differs from the data's. Default: refuse them.
        labels: As for `train`; none ignores the labels of the data.
        on_bad_image: As for `train`. Default: as the model was trained.
        seed: Seed of the generated samples.
        device: Device to compute on.
        trust_code: Allow the model's own Python code to run.
        json: A file for all results.
        quiet: Print errors only.
    """
    from ganzfeld.core.console import Screen
    from ganzfeld.core.files import as_json, replace
    from ganzfeld.metrics.evaluate import evaluate as run_evaluation
    from ganzfeld.metrics.summary import summary

    screen = Screen(quiet=quiet)
    result = run_evaluation(
        model,
        data,
        other=other,
        metrics=metrics or None,
        extractor=extractor,
        protocol=protocol,
        count=count,
        reference=reference,
        held_out=held_out,
        fit=fit,
        labels=labels,
        on_bad_image=on_bad_image,
        seed=seed,
        device=device,
        trust_code=trust_code,
        progress=(lambda stage, done, total: None) if quiet else screen.progress,
    )
    for line in summary(result):  # before the file, which may fail
        screen.say(line)
    if json:
        replace(json, as_json(result))


def report(run: Positional[Path], /, *, trust_code: bool = False) -> None:
    """Rewrite a run's report.html: one file with its samples, curves and metrics.

    Args:
        run: The run's folder.
        trust_code: Allow the model's own Python code to run.
    """
    from ganzfeld import report as reports
    from ganzfeld.core.console import Screen
    from ganzfeld.report.settings import reproducibility

    screen = Screen()
    folder = reports.read(run)
    pack = None
    if reports.needs_data(folder):
        pack, problem = reports.open_data(folder, screen.progress)
        if problem:
            screen.say(f"note: the closest training images are left out: {problem}")
    screen.say(f"report in {reports.write(run, pack, trust_code=trust_code)}")
    screen.say(f"to the bit: {reproducibility(folder)}")


def compare(
    runs: Positional[tuple[str, ...]],
    /,
    *,
    out: Path | None = None,
    metrics: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    strict: bool = False,
) -> None:
    """Compare runs, or files of `ganzfeld evaluate --json`: a table for each protocol.

    Args:
        runs: Folders of runs and JSON files, two or more.
        out: Also write an HTML file with samples, curves and settings side by side.
        metrics: Only these, in one table. Exit 2 if their protocols differ.
        strict: Exit 2 if any protocols differ.
    """
    from ganzfeld.core.console import Screen
    from ganzfeld.report.compare import compare as compare_runs
    from ganzfeld.report.sections import STAR

    found = compare_runs(runs, metrics=metrics or None, strict=strict)
    screen = Screen()
    for group in found.groups:
        for line in found.apart(group):
            screen.say(line)
        if group.protocol:
            screen.say(f"protocol: {group.protocol['id']}")
            head = ["metric", "real data", *(member.name for member in group.members)]
            screen.columns(head, group.rows(found.metrics))
            if len(group.members) > 1:
                screen.say(STAR)
            for text in group.notes():
                screen.say(f"warning: {text}")
        screen.say()
    if differing := found.settings(room=21):  # on one line
        screen.say("settings that differ")
        head = ["setting", *(s.name for s in found.subjects if s.record)]
        shown = differing
        if len(differing) > SETTINGS_SHOWN:  # of other recipes: most are of one alone
            shown = [row for row in differing if "null" not in row[1]]
        screen.columns(head, shown)
        if shown is not differing:
            screen.say(
                f"and {len(differing) - len(shown)} settings that not all of them have: "
                "--out compare.html shows them"
            )
    if out:
        screen.say(f"comparison in {found.save(out)}")
