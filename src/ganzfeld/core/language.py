"""Put messages into the user's language, where a catalogue has them.

The code writes English. Where a message leaves the program (`Screen`, `tell`, the error screen and
the text of a report's page) it passes through `tr`, which looks it up in messages.zh.json. There
the key is the English sentence, with {fields} for what differs:

    one small letter   a number, such as {n}
    {bits}, {bits2}    types of numbers, such as float32
    small letters      names and paths, which stay as they are; {filename} has an ending;
                       {names} and the like are lists, {reason} is translated where it is known
    CAPITALS           a part that is translated in turn; without a translation, all stays English
    {NOUN}, {NOUN2}    what samples of a kind are called
    {LIST}             numbers of things, such as "2 cut short, 1 silence, and 3 more"
    {BY}, {SHAPE}      what labels are from, how samples lie: translated, or as it is

No field but {REST} and a few more holds a semicolon, the end of a sentence or of a line.

What has no entry stays English. Files that programs read (JSON, model cards) are always English.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path

from ganzfeld.text import lines

MESSAGES = Path(__file__).with_name("messages.zh.json")
FIELD = re.compile(r"\{(\w+)\}")
OR = "   or "  # between commands
# Between parts that are looked up one by one; commands come first, for code may hold the others.
JOINS = ((OR, "   或 "), (". ", "。"), ("; ", "；"))
NUMBER = r"[-+]?\d(?:[\d.,]*\d)?(?:[eE][-+]?\d+)?"
TYPE = r"[a-z]+\d+"
FILENAME = r"[^\s:;]+\.\w{2,5}"
ENDS = r"(?<!\.)\. "  # of a sentence; not of a shortened "043c... against"
PART = rf"(?:(?!; |{ENDS}|\n).)+?"
# Fields that may hold anything:
WIDE = frozenset({"REST", "command", "line", "reason", "table", "REASON", "more"})
LISTED = frozenset({"names", "known", "there", "columns", "listed", "some", "others", "has"})
OPEN = frozenset({"REST", "PLAYER", "BY", "LIST"})  # parts that may stay as they are
BETWEEN = re.compile(r", (?=and \d|\d)")  # items of a {LIST}
ITEM = re.compile(rf"({NUMBER}) (.+)", re.DOTALL)
MORE = re.compile(r",? ?\band (\d[\d,]*) more$")  # see `core.names.capped`
NOUNS = {  # what kinds of sample are called, for {NOUN}; others stay as they are
    "images": "图像",
    "sounds": "声音",
    "lines": "文本行",
    "rows": "表格行",
    "fields": "场",
    "series": "序列",
    "samples": "样本",
}
MEASURES = (("个文本行", "行文本"), ("个表格行", "行"), ("个序列", "条序列"))  # after a number


def language() -> str:
    """ "zh" or "en": by GANZFELD_LANG, else by the first of LC_ALL, LC_MESSAGES and LANG.

    English, too, where standard output cannot show Chinese characters.

    Example::

        from ganzfeld.core.language import language

        assert language() in ("en", "zh")
    """
    names = ("GANZFELD_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    wanted = next((value for name in names if (value := os.environ.get(name))), "")
    return "zh" if wanted.lower().startswith("zh") and shows(sys.stdout) else "en"


def shows(stream: object, text: str = "中文：，。；") -> bool:
    """Whether a stream's encoding has these characters."""
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def tr(text: str) -> str:
    """A finished English message in the user's language.

    Example::

        from ganzfeld.core.language import tr

        print(tr("plan for runs/faces"))  # with GANZFELD_LANG=zh: runs/faces 的训练计划
    """
    if language() == "en":
        text = ALONE.sub(of_one, text)
        if not SPOKEN["several"]:
            return text
        return IMAGES.sub(in_words, PIXELS.sub(r"\1 numbers", text))
    told = in_chinese(text)
    if not SPOKEN["several"] or told == text:
        return told
    told = told.replace("张图像", "个样本").replace("坏图", "坏样本")
    told = (
        PICTURED.sub("样本", told).replace("MMD（像素）", "MMD（数值）").replace("用像素", "用数值")
    )
    return COUNTED.sub(r"\1 个", told)


# Words of messages that are the same for every kind of sample say "images"; for other kinds they
# are put into that kind's words on their way out. Names, paths and options stay as they are.
IMAGES = re.compile(
    r"(?<![\w/.'\"`-])(?<!makes )(?<!\Was )(?<!^as )([Ii]mages?)(?! or sounds)"
    r"(?=/s\b|[^\w/'\"`-]|$)"
)
PICTURED = re.compile(r"(?<!可当作)图像(?!或声音)")  # in Chinese
ALONE = re.compile(
    r"(?<![\w.,/=-])(?<!\d of )1 ((?:generated |real |training |synthetic )?(?:image|sound|line"
    r"|row|field|sample|caption|file|folder|other|column|step|character|byte|pixel|link|pair|seed"
    r"|way|recording|label|class(?=es)))(?:es|s)"
    r"( are| were| have)?(?![\w/]|\.\w)"
)
SINGLE = {" are": " is", " were": " was", " have": " has"}
PIXELS = re.compile(r"\b(MMD of|the same of) pixels\b")
COUNTED = re.compile(r"(\d) 张")
SPOKEN = {"several": "", "one": ""}  # words in their place; "" for images themselves


def speak_of(several: str = "images", one: str = "") -> None:
    """From here on, messages say "lines" and "line", or the like, where they would say "images".

    Example::

        from ganzfeld.core.language import speak_of, tr

        speak_of("lines", "line")
        assert tr("stopped at image 10 of 20") != "stopped at image 10 of 20"
        speak_of()
    """
    same = several == "images"
    SPOKEN.update({"several": "" if same else several, "one": "" if same else one})


def of_one(found: re.Match[str]) -> str:
    return f"1 {found[1]}{SINGLE.get(found[2], '')}"


def in_words(found: re.Match[str]) -> str:
    word = SPOKEN["several" if found[1].endswith("s") else "one"]
    return word.capitalize() if found[1][0] == "I" else word


def tell(text: str, *, aside: bool = False) -> None:
    """Print a message that may hold foreign text, in the user's language.

    aside: to standard error, as the samples go to standard output.
    """
    said = lines("\n".join(map(tr, text.split("\n"))))
    print(said, file=sys.stderr if aside else sys.stdout)


@cache
def catalogue() -> dict[str, str]:
    """Chinese by English."""
    found: dict[str, str] = json.loads(MESSAGES.read_text(encoding="utf-8"))
    return found


@cache
def patterns() -> list[tuple[str, re.Pattern[str], str]]:
    """Entries with fields: labels before the {REST}, then those with the most fixed text first.

    Each with its longest piece of fixed text, by which most can be told apart quickly.
    """
    keys = [key for key in catalogue() if FIELD.search(key)]
    keys.sort(key=lambda key: ("{REST}" not in key, -len(FIELD.sub("", key))))
    fixed = [max(FIELD.split(key)[::2], key=len) for key in keys]
    return [(text, pattern(key), catalogue()[key]) for text, key in zip(fixed, keys, strict=True)]


def pattern(key: str) -> re.Pattern[str]:
    """What matches the sentences that a key stands for."""
    parts = FIELD.split(key)  # fixed text and names of fields in turn
    made = [
        f"(?P<{part}>{what_fits(part)})" if place % 2 else re.escape(part)
        for place, part in enumerate(parts)
    ]
    named = not parts[-1] and len(parts) > 1 and (parts[-2].islower() or parts[-2] == "LIST")
    end = r"(?<!\.)" if named else ""  # a name or a list takes no full stop: the sentence has it
    return re.compile("".join(made) + end, re.DOTALL)


def what_fits(field: str) -> str:
    if len(field) == 1:
        return NUMBER
    if field.startswith("bits"):
        return TYPE
    if field == "filename":
        return FILENAME
    return ".+?" if field in WIDE else PART


@lru_cache(maxsize=4096)
def in_chinese(text: str) -> str:
    """The Chinese of a message: whole, or of the parts that semicolons and full stops divide."""
    body = text.strip()
    if not body:
        return text
    found = whole(body) or in_lines(body) or in_parts(body) or all_listed(body)
    return text if found is None else text.replace(body, found, 1)


def whole(text: str) -> str | None:
    """The Chinese of an entry; it may begin with a capital here, and end in a stop."""
    said = {text: "", text[:1].lower() + text[1:]: ""}
    if text.endswith("."):
        said |= {one[:-1]: "。" for one in said}
    for one, stop in said.items():
        if (found := catalogue().get(one)) is not None:
            return found + stop
    for fixed, known, chinese in patterns():
        for one, stop in said.items():
            if fixed not in one or (match := known.fullmatch(one)) is None:
                continue
            if (values := values_of(match)) is not None:
                return filled(chinese, values) + stop
    return None


def filled(entry: str, values: dict[str, str]) -> str:
    told = FIELD.sub(lambda field: values[field[1]], entry)
    for usual, right in MEASURES:
        told = told.replace(usual, right)
    return told


def values_of(match: re.Match[str]) -> dict[str, str] | None:
    """What stands in the fields of a translation; None where a part has none itself."""
    values = match.groupdict()
    for name in filter(str.islower, values):
        values[name] = listing(values[name], always=name in LISTED)
    if "reason" in values:  # one of the system or of a library: translated where it is known
        values["reason"] = in_chinese(values["reason"])
    for name in filter(str.isupper, values):
        own = name.rstrip("0123456789")
        told = READ.get(own, in_chinese)(values[name])
        if told == values[name] and own not in OPEN and own != "NOUN":
            return None
        values[name] = told
    return values


def listing(text: str, *, always: bool = True) -> str:
    """A list of names as Chinese writes it. always: also where nothing says that it goes on."""
    body, more, count = text, "", MORE.search(text)
    if count:
        body, more = text[: count.start()], f"，另有 {count[1]} 个"
    return (body.replace(", ", "、") if always or count else body) + more


def with_names(text: str, names: str) -> str:
    """A message and names behind it, as the user's language writes them.

    Example::

        from ganzfeld.core.language import with_names

        assert with_names("2 too small", "a.png, b.png") in (
            "2 too small: a.png, b.png",
            "2 too small：a.png、b.png",
        )
    """
    return f"{tr(text)}: {names}" if language() == "en" else f"{tr(text)}：{listing(names)}"


def listed(text: str) -> str:
    """The Chinese of numbers of things; a thing without a Chinese name stays as it is."""
    told = [counted(item) for item in BETWEEN.split(text)]
    return "、".join(told)


def counted(item: str) -> str:
    if more := MORE.fullmatch(item):
        return f"另有 {more[1]} 种"
    if (found := ITEM.fullmatch(item)) is None:
        return item
    thing = in_chinese(found[2])
    return f"{thing}{' ' * (thing[-1] != '）')}{found[1]} 个"


def all_listed(text: str) -> str | None:
    """A list that is all there is, such as the kinds of a table's columns."""
    if text.endswith("."):
        found = all_listed(text[:-1])
        return found and f"{found}。"
    items = [ITEM.fullmatch(item) for item in BETWEEN.split(text)]
    known = [found is not None and in_chinese(found[2]) != found[2] for found in items]
    return listed(text) if all(known) else None


READ: dict[str, Callable[[str], str]] = {
    "NOUN": lambda text: NOUNS.get(text, text),
    "LIST": listed,
}  # how parts are translated that are no sentences


def in_lines(text: str) -> str | None:
    """The lines of a text one by one; entries of several lines come first."""
    told = "\n".join(map(in_chinese, text.split("\n"))) if "\n" in text else text
    return None if told == text else told


def in_parts(text: str) -> str | None:
    """The sentences or clauses of a text one by one; entries of several clauses come first."""
    for english, chinese in JOINS:
        parts = re.split(ENDS if english == ". " else re.escape(english), text)
        if len(parts) == 1:
            continue
        told, start = [], 0
        while start < len(parts):
            end, found = longest(parts, start, english)
            told.append(found)
            start = end
        if told != parts or english == OR:
            return chinese.join(told)
    return None


def longest(parts: list[str], start: int, join: str) -> tuple[int, str]:
    """The end of the longest run of parts that is an entry, and its Chinese."""
    for end in range(len(parts), start + 1, -1):
        if (found := whole(join.join(parts[start:end]))) is not None:
            return end, found
    return start + 1, in_chinese(parts[start])
