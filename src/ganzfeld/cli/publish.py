"""The command that publishes a model."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from ganzfeld.core.language import tell


def publish(
    model: Positional[Path],
    /,
    *,
    to: str,
    license: str | None = None,
    data_license: str | None = None,
    dry_run: bool = False,
    private: bool = False,
    pull_request: bool = False,
) -> None:
    """Write a model as a folder for others, or upload it to Hugging Face's hub.

    The folder holds weights, description, card, preview and SHA-256 sums, and is the same to the
    byte each time. Nothing that tells a path, a user's name or a token goes out.

    Args:
        model: A finished run's folder or a model's folder.
        to: hub:USER/NAME, or a new folder.
        license: Licence of the weights, such as apache-2.0. It is never guessed.
        data_license: Licence of the training data, in your words.
        dry_run: Show the files and the card; write and send nothing.
        private: On the hub: only you see it.
        pull_request: On the hub: propose it to whoever owns the model there.
    """
    from ganzfeld.shipping.hub import publish as make

    done = make(
        model,
        to,
        license=license,
        data_license=data_license,
        dry_run=dry_run,
        private=private,
        pull_request=pull_request,
    )
    for name, size in done.files.items():
        tell(f"{size:>12,}  {name}")
    if dry_run:
        tell(done.card)
        tell(f"nothing was written to {to}")
        return
    tell(f"published: {done.where}")
    load = to if to.startswith("hub:") else done.where
    tell(f'in Python: ganzfeld.load("{load}")')
