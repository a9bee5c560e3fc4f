"""The command that shows a model in a browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from tyro.conf import Positional

from ganzfeld.core.language import tell


def app(
    model: Positional[Path | None] = None,
    /,
    *,
    server: bool = False,
    port: int = 7878,
    open: bool = True,
    trust_code: bool = False,
) -> None:
    """Show a model in a browser: seeds, classes, favourites, interpolation, downloads.

    Small models are drawn by the page itself: it is one file, kept in the cache, without any
    server. Others, and models of spectrograms, are drawn by a server on this machine. A server of a
    model of images also finds an image of your own in its latent space.

    Args:
        model: A run's folder or a model's folder. Default: the package's own model.
        server: Draw by a server in any case.
        port: Port of the server; 0 for any free one.
        open: Open the browser. Otherwise its address is printed only.
        trust_code: Allow the model's own Python code to run.
    """
    from ganzfeld.cli.serve import serve
    from ganzfeld.shipping.page_cache import Unsuited, page_file, usual

    where = model or usual()
    if not server:
        try:
            page = page_file(where, trust_code=trust_code)
        except Unsuited as reason:
            tell(f"drawn by a server: {reason}")
        else:
            tell(f"{page}: the app of {where}, one file")
            if open:
                webbrowser.open(page.resolve().as_uri())
            return
    serve((str(where),), port=port, open=open, trust_code=trust_code)
