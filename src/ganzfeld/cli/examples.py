"""Two examples or more for each command, as its help shows them."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "train": (
        "ganzfeld train photos/ --size 64 --minutes 10",
        "ganzfeld train avatars --recipe hinge --images 50000 --set networks.G.width=32",
        "ganzfeld train photos/ --config runs/first/config.json --dry-run",
    ),
    "resume": (
        "ganzfeld resume runs/photos-default",
        "ganzfeld resume runs/photos-default --images 200000 --data /new/place/photos",
    ),
    "sample": (
        "ganzfeld sample runs/photos-default --count 64 --out drawn --grid grid.png",
        "ganzfeld sample runs/digits-default --label cat dog --out drawn --grid rows.png",
        "ganzfeld sample runs/photos-default --direction 0=2.5 1=-1 --out edited",
    ),
    "recipes": ("ganzfeld recipes", "ganzfeld recipes --show hinge"),
    "evaluate": (
        "ganzfeld evaluate runs/photos-default photos/",
        "ganzfeld evaluate generated/ photos/ --extractor inception --json result.json",
    ),
    "report": ("ganzfeld report runs/photos-default", "ganzfeld report runs/digits-default"),
    "compare": (
        "ganzfeld compare runs/first runs/second",
        "ganzfeld compare runs/first runs/second --out compared.html",
    ),
    "doctor": (
        "ganzfeld doctor runs/photos-default",
        "ganzfeld doctor runs/photos-default/metrics.jsonl --json",
    ),
    "translate": (
        "ganzfeld translate runs/maps-pix2pix photos/ --out translated",
        "ganzfeld translate runs/horses-cyclegan horse.jpg --to b --out translated",
    ),
    "caption": (
        "ganzfeld caption runs/photos-image-to-text photos/ --out captions.csv",
        "ganzfeld caption runs/photos-image-to-text photo.jpg --count 5 --seed 1",
    ),
    "progress": (
        "ganzfeld progress runs/photos-default --out progress.gif",
        "ganzfeld progress runs/photos-default --out strip.png --columns 10",
    ),
    "interpolate": (
        "ganzfeld interpolate runs/photos-default --seeds 1,2,3 --out between.gif",
        "ganzfeld interpolate runs/photos-default --seeds 1 2 3 --out between.mp4 --loop",
    ),
    "directions": (
        "ganzfeld directions runs/photos-default --out directions",
        "ganzfeld sample runs/photos-default --direction 0=2.5 --out edited",
    ),
    "project": (
        "ganzfeld project runs/photos-default face.jpg --out projected",
        "ganzfeld sample runs/photos-default --latent projected/latents.safetensors --out again",
    ),
    "mix": (
        "ganzfeld mix runs/photos-default 1 2 --out mixed.png",
        "ganzfeld mix runs/photos-default 1:4 2:7 --out mixed.png --columns 9",
    ),
    "augment": (
        "ganzfeld augment runs/digits-default --count 5000 --out more",
        "ganzfeld augment runs/digits-default --count 5000 --like data --out more",
    ),
    "export": (
        "ganzfeld export runs/photos-default --to onnx --out photos-onnx",
        "ganzfeld export runs/photos-default --precision float16 --out small",
        "ganzfeld export runs/photos-default --to page --out photos.html",
        "ganzfeld export --check photos-onnx",
    ),
    "app": (
        "ganzfeld app runs/faces-default",
        "ganzfeld app runs/faces-default --server --port 8000",
    ),
    "serve": (
        "ganzfeld serve runs/faces-default",
        "ganzfeld serve faces=runs/faces-default digits=runs/digits-default --port 8000",
    ),
    "publish": (
        "ganzfeld publish runs/faces-default --to faces-model --license apache-2.0",
        "ganzfeld publish runs/faces-default --to hub:me/faces --license cc-by-4.0 --dry-run",
    ),
    "data check": (
        "ganzfeld data check photos/",
        "ganzfeld data check photos.zip --size 64 --html photos.html",
    ),
    "data sheet": (
        "ganzfeld data sheet photos/ --out sheet.png",
        "ganzfeld data sheet photos/ --size 64 --out sheet.png",
    ),
    "checkpoint verify": (
        "ganzfeld checkpoint verify runs/photos-default",
        "ganzfeld checkpoint verify runs/digits-default",
    ),
    "study augmentation": (
        "ganzfeld study augmentation digits/ --out runs/study",
        "ganzfeld study augmentation digits/ --minutes 3",
    ),
    "study families": (
        "ganzfeld study families photos/ --recipes default,hinge --minutes 2",
        "ganzfeld study families photos/ --minutes 1 --size 32 --seeds 3",
    ),
    "metrics install": (
        "ganzfeld metrics install",
        "ganzfeld metrics install --wheel downloaded.whl",
    ),
    "bench modes": ("ganzfeld bench modes", "ganzfeld bench modes --seeds 3"),
}
