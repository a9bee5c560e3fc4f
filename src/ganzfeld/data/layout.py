"""Recognise what folders are for: parts of a data set, masks, sorting or classes."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from ganzfeld.core.names import natural

TRAIN = frozenset({"train", "training", "trn", "训练", "训练集"})
PLAIN_HELD = frozenset({"test", "tests", "testing", "val", "valid", "validation"})
PLAIN_HELD |= {"测试", "测试集", "验证", "验证集"}
HELD = PLAIN_HELD | {"tst", "eval", "evaluation", "dev", "holdout", "heldout"}
DOMAINS = frozenset({"traina", "trainb"})  # of a translation, as `plain_name` has them
MASKS = frozenset(
    {"mask", "masks", "ground truth", "groundtruth", "gt", "gts", "annotation", "annotations"}
    | {"label", "labels", "segmentation", "segmentations", "seg", "segs", "labelmap", "labelmaps"}
    | {"segmentationclass", "segmentationobject", "trimap", "trimaps", "semantic"}
)
PLAIN_MASKS = ("mask", "masks", "gt", "label", "labels", "annotation", "annotations")
IMAGES = frozenset(
    {"image", "images", "img", "imgs", "jpegimages", "photo", "photos", "picture", "pictures"}
    | {"input", "inputs", "original", "originals", "rgb", "jpg", "jpgs", "png", "pngs"}
)
COUNTED = re.compile(
    r"(part|parts|batch|chunk|shard|fold|volume|vol|disc|disk|dir|folder|subset|block|images?"
    r"|imgs?|photos?|pics?|page|pages)[-_ ]?\d+",
)
DATED = re.compile(r"(19|20)\d\d([-_.](0[1-9]|1[0-2])([-_.]([0-2]\d|3[01]))?)?")
HEX = re.compile(r"[0-9a-f]{1,3}")
# The two sides of a pair, as folders of pairs are called.
SIDES = (
    {"input", "target"}, {"source", "target"}, {"input", "output"}, {"hr", "lr"},
    {"high", "low"}, {"sharp", "blur"}, {"sharp", "blurred"}, {"clean", "noisy"},
    {"clear", "hazy"}, {"hazy", "gt"}, {"input", "gt"}, {"image", "target"}, {"photo", "sketch"},
    {"photos", "sketches"}, {"color", "gray"}, {"colour", "grey"},
)  # fmt: skip
DEPTHS = ({"rgb", "depth"}, {"image", "depth"}, {"color", "depth"}, {"left", "right"})
TRUTHS = ("gtfine", "gtcoarse")  # of Cityscapes, beside leftImg8bit
MASKED = re.compile(r"(.+?)[ _.-]*(mask|masks|gt|seg|segmentation|labelmap|matte)([ _-]?\d+)?")
LAST_NUMBER = re.compile(r"\d+(?=\D*$)")


def plain_name(name: str) -> str:
    """A folder's name without what differs between trainA, train_a and Train-A."""
    return name.casefold().replace("_", "").replace("-", "")


def words(name: str) -> list[str]:
    """`train2017` as ["train", "2017"], `seg_train` as ["seg", "train"], `trainA` as ["train"]."""
    text = name.casefold()
    if re.fullmatch(r"(train|test|val)[ab]", text):
        return [text[:-1]]
    return [part for part in re.split(r"[\W_]+|(?<=[^\W\d_])(?=\d)", text) if part]


def role(name: str) -> str:
    """ "train", "held" or ""."""
    found = words(name)
    if any(word in TRAIN for word in found):
        return "train"
    return "held" if any(word in HELD for word in found) else ""


def rest(name: str) -> tuple[str, ...]:
    return tuple(word for word in words(name) if word not in TRAIN and word not in HELD)


def is_test(title: str) -> bool:
    """Whether a title lies in a folder of test images, rather than of validation images."""
    return any(word in ("test", "tests", "testing", "tst") for word in words(title))


def tree_of(titles: Sequence[str]) -> tuple[Counter[str], dict[str, set[str]]]:
    """How many files each folder holds itself, and the folders in each folder."""
    folders = Counter(title.rpartition("/")[0] for title in titles)
    children: dict[str, set[str]] = defaultdict(set)
    for folder in folders:
        while folder:
            parent, _, name = folder.rpartition("/")
            children[parent].add(name)
            folder = parent
    return folders, children


def set_aside(titles: Sequence[str], *, masks: bool = True, rules: int = 3) -> dict[str, str]:
    """Folders not to train on, as {path: "part" or "masks"}: test images, ground truth.

    masks: whether folders of masks beside folders of images count. rules: below 3, `train_masks`
    is a folder of training images.
    """
    files, children = tree_of(titles)
    found: dict[str, str] = {}
    for parent, names in children.items():
        for name, kind in _among(names, bool(files[parent]), masks, rules).items():
            found[f"{parent}/{name}" if parent else name] = kind
    return found


def _among(names: set[str], files_beside: bool, masks: bool, rules: int) -> dict[str, str]:
    """Which of the folders in one folder are set aside."""
    roles = {name: role(name) for name in names}
    if rules >= 3 and masks:
        roles |= {name: "" for name in names if _masks_of(name)}
    train = [name for name in names if roles[name] == "train"]
    held = [name for name in names if roles[name] == "held"]
    rests = {rest(name) for name in train}
    fits = any(not rest(name) or () in rests or rest(name) in rests for name in held)
    if train and held and fits:
        return {
            name: "masks" if is_mask(name) or (rules >= 3 and _masks_of(name)) else "part"
            for name in names
            if name not in train and (masks or not is_mask(name))
        }
    others = names - set(held) - set(train)
    truths = {name for name in others if rules >= 4 and name.casefold() in TRUTHS}
    aside = {name: "masks" for name in truths if masks and others - truths}
    if not train and (others or files_beside):
        aside |= {name: "part" for name in held if name.casefold() in PLAIN_HELD}
    pictured = train or any(" ".join(words(name)) in IMAGES for name in names)
    if masks and pictured:
        aside |= {
            name: "masks" for name in others if is_mask(name) or (rules >= 3 and _masks_of(name))
        }
    return aside


def _masks_of(name: str) -> bool:
    """Whether a folder holds the masks of a part: `train_masks`, `masks_val`."""
    return rest(name) != tuple(words(name)) and " ".join(rest(name)) in PLAIN_MASKS


def masks_by_name(titles: Sequence[str]) -> list[int]:
    """Places of masks that lie beside their images: `cat 1_mask.png` with `cat 1.png`."""
    stems = [title.rpartition(".")[0] or title for title in titles]
    there = {stem.casefold() for stem in stems}
    found = []
    for place, stem in enumerate(stems):
        folder, _, base = stem.casefold().rpartition("/")
        if "m" in base or "g" in base:  # nothing else can match: most names have neither
            match = MASKED.fullmatch(base)
            if match and (f"{folder}/{match[1]}" if folder else match[1]) in there:
                found.append(place)
    return found


def is_mask(name: str) -> bool:
    return " ".join(words(name)) in MASKS


def why_no_classes(tops: Sequence[str], titles: Sequence[str], rules: int = 3) -> str:
    """Why the folders sort files and are no classes; "" where they are classes.

    tops: the folder of each title that would be its class. rules: below 3, folders that are called
    as the two sides of pairs are classes.
    """
    names = sorted(set(tops), key=natural)
    if rules >= 3 and len(names) == 2 and _sides(names, SIDES if rules < 4 else SIDES + DEPTHS):
        return "the two sides of pairs"
    plain = [" ".join(words(name)) for name in names]
    if all(name in IMAGES | MASKS for name in plain):
        return "images and masks"
    if all(words(name) and {*words(name)} <= TRAIN | HELD | {"set", "images"} for name in names):
        domains = all(re.fullmatch(r"(train|test|val)[ab]", n.casefold()) for n in names)
        return "" if domains else "parts of a data set"
    if len(names) > 1 and all(COUNTED.fullmatch(name.casefold()) for name in names):
        return "numbered parts"
    if len(names) > 1 and all(DATED.fullmatch(name) for name in names):
        return "dates"
    return "files sorted by number" if _by_number(names, tops, titles) else ""


def _sides(names: Sequence[str], known: Sequence[set[str]]) -> bool:
    """Whether two folders are called as the two sides of pairs, with equal words beside."""
    first, second = ({*words(name)} for name in names)
    return any(
        {*one} <= first and {*other} <= second
        for side in known
        for one, other in itertools.permutations([[word] for word in side])
    )


def _by_number(names: Sequence[str], tops: Sequence[str], titles: Sequence[str]) -> bool:
    """Whether numbered folders hold files by the files' own numbers, or by a hash's beginning."""
    bases = [title.rpartition("/")[2].casefold() for title in titles]
    if all(HEX.fullmatch(name.casefold()) for name in names):
        begins = (
            base.startswith(top.casefold()) and re.match(r"[0-9a-f]{6,}", base) is not None
            for base, top in zip(bases, tops, strict=True)
        )
        if len(names) > 1 and all(begins):
            return True
    if len(names) < 2 or not all(name.isdecimal() and len(name) >= 2 for name in names):
        return False
    spans: dict[str, tuple[int, int]] = {}
    modulo = {3, len(names[0])}  # digits of the number that may be the folder
    for base, top in zip(bases, tops, strict=True):
        found = LAST_NUMBER.search(base.rpartition(".")[0] or base)
        if found is None or len(found[0]) > 18:
            return False
        number = int(found[0])
        low, high = spans.get(top, (number, number))
        spans[top] = min(low, number), max(high, number)
        modulo = {digits for digits in modulo if number % 10**digits == int(top)}
    if modulo and len(names[0]) >= 3:
        return True
    ordered = [spans[name] for name in names]
    apart = all(a[1] < b[0] for a, b in itertools.pairwise(ordered))
    # 0001/0001_3.jpg is class 1 by its name; 01000/img01000.png is the thousandth image
    return apart and any(high > low for low, high in ordered)
