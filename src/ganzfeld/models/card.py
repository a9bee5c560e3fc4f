"""models.card"""

from __future__ import annotations

from typing import Any


def card(about: dict[str, Any]) -> str:
    """The model card, in the layout that Hugging Face's hub shows."""
    data, run = about["training"]["data"], about["training"]["run"]
    height, width = about["size"]
    ways = " and ".join(f"{way[0]} to {way[1]}" for way in about["translators"])
    first = next(iter(about["translators"]))
    return f"""---
library_name: ganzfeld
pipeline_tag: image-to-image
tags: [gan, image-to-image]
---

# {data["source"]} by {about["recipe"]}

Translates images from {ways}: {about["channels"]["a"]} and {about["channels"]["b"]} channel(s),
any height and width; trained on {height}x{width} pixels with ganzfeld {about["version"]}.

```python
import ganzfeld
from PIL import Image

model = ganzfeld.load("path/to/this/folder")
model.translate(Image.open("picture.png"), to="{first[1]}").show()
```

| | |
|---|---|
| data | {data["source"]}, {data["samples"]:,} {data["kind"]} |
| fingerprint | `{data["fingerprint"][:16]}` |
| recipe | {about["recipe"]}, seed {run["seed"]}, batch {run["batch_size"]} |
| images seen | {about["images_seen"]:,} |
| weights | exponential moving average |

All settings of the training are in `config.json`.

## Limits

It invents what the input does not say, in the manner of its training images and with their
biases. Its images are synthetic: say so where they are used.
"""
