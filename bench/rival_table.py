"""The rows of `peers.py` as tables, in English or Chinese."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from ganzfeld.studies.cells import shown

Row = dict[str, Any]
TRIED = ("published", "rule, rate x1", "rule, rate x2", "rule, rate x0.5")
OURS = "ganzfeld "
HEADS = {
    "en": ["program", "settings", "width, batch", "Frechet distance, each seed", "precision",
           "recall", "coverage", "images seen", "steps", "CPU s"],
    "zh": ["程序", "设置", "宽度、批大小", "Frechet 距离（各种子）", "精确率", "召回率", "覆盖率",
           "已见图像数", "步数", "CPU 秒"],
}  # fmt: skip
TRIALS = {
    "en": ["program", "published", "rate x1", "rate x2", "rate x0.5"],
    "zh": ["程序", "公布的设置", "学习率 x1", "学习率 x2", "学习率 x0.5"],
}
WORDS = {
    "en": {
        "title": "{data}, {size}, {seconds:g} CPU seconds",
        "about": "{date}, {machine}, one thread; extractor `{extractor}`, {count:,} samples.",
        "real": "real images",
        "ahead": "Every seed of `{name}` is ahead of every seed of {others}.",
        "near": "`{name}` is not told apart from {others}.",
        "behind": "Every seed of {others} is ahead of every seed of `{name}`.",
        "and": " and ",
        "comma": ", ",
        "trials": "The trials, Frechet distance from seed 100:",
        "refused": "- {name} did not run: {reason}",
        "published": "published",
        "rule": "rule, rate {rate}",
        "as": "installed {how}",
    },
    "zh": {
        "title": "{data}，{size}，{seconds:g} CPU 秒",
        "about": "{date}，{machine}，单线程；特征提取器 `{extractor}`，{count:,} 个样本。",
        "real": "真实图像",
        "ahead": "`{name}` 的每个种子都优于{others}的每个种子。",
        "near": "`{name}` 与{others}分不出高下。",
        "behind": "{others}的每个种子都优于 `{name}` 的每个种子。",
        "and": "和",
        "comma": "、",
        "trials": "各次试验的 Frechet 距离（种子 100）：",
        "refused": "- {name} 无法运行：{reason}",
        "published": "公布的设置",
        "rule": "预算规则，学习率 {rate}",
        "as": "安装方式：{how}",
    },
}


def tables(rows: Sequence[Row], chinese: bool = False) -> str:
    """Markdown: for each data set and budget the runs, the verdict, the trials, the refusals."""
    lines: list[str] = []
    for key in dict.fromkeys((row["data"], row["budget"]) for row in rows):
        here = [row for row in rows if (row["data"], row["budget"]) == key]
        lines += section(here, "zh" if chinese else "en")
    return "\n".join(lines)


def brief(rows: Sequence[Row], data: str, chinese: bool = False) -> str:
    """Markdown: one data set's Frechet distances, each program with the settings taken for it."""
    language = "zh" if chinese else "en"
    groups = {
        name: found
        for (name, _), found in runs([row for row in rows if row["data"] == data]).items()
        if name.startswith(OURS) or found[0].get("taken")
    }
    if not groups:
        raise SystemExit(f"there are no runs of {data}")
    order = sorted(groups, key=lambda name: statistics.median(scores(groups[name])))
    body = [[f"`{name}`", spread(groups[name])] for name in order]
    real = next(row["real"]["frechet"] for found in groups.values() for row in found)
    head = [HEADS[language][0], HEADS[language][3]]
    return "\n".join(table(head, [*body, [WORDS[language]["real"], shown(real)]]))


def runs(here: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows of runs by program and settings."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in here:
        if row["kind"] == "run":
            groups.setdefault((row["name"], row["variant"]), []).append(row)
    return groups


def section(here: Sequence[Row], language: str) -> list[str]:
    words, first = WORDS[language], here[0]
    groups = runs(here)
    size = f"{first['size'][1]}x{first['size'][0]}"
    title = words["title"].format(data=first["data"], size=size, seconds=first["budget"])
    lines = [f"### {title}", ""]
    if groups:
        one = next(iter(groups.values()))[0]
        extractor = one["protocol"].partition(" ")[0]
        date = max(row["date"] for row in here)
        about = {"date": date, "machine": first["machine"], "extractor": extractor}
        lines += [words["about"].format(**about, count=first["count"]), ""]
        order = sorted(groups, key=lambda name: statistics.median(scores(groups[name])))
        body = [line_of(*name, groups[name], words) for name in order]
        real = next((row["real"] for rows in groups.values() for row in rows if "real" in row), {})
        figures = [shown(real.get(name)) for name in ("frechet", "precision", "recall", "coverage")]
        lines += table(HEADS[language], [*body, [words["real"], "", "", *figures, "", "", ""]])
        lines += [*verdicts(groups, words), ""]
    trials = {row["name"]: {} for row in here if row["kind"] == "trial"}
    for row in here:
        if row["kind"] == "trial":
            trials[row["name"]][row["variant"]] = shown(row.get("frechet"))
    if trials:
        body = [[f"`{n}`", *(found.get(v, "") for v in TRIED)] for n, found in trials.items()]
        lines += [words["trials"], "", *table(TRIALS[language], body)]
    refused = [row for row in here if row["kind"] == "refused"]
    lines += [words["refused"].format(name=f"`{row['name']}`", reason=row["reason"])
              for row in refused]  # fmt: skip
    return [*lines, ""] if refused else lines


def line_of(name: str, variant: str, rows: Sequence[Row], words: dict[str, str]) -> list[str]:
    settings = words["published"]
    if variant != "published":
        settings = words["rule"].format(rate=variant.rpartition(" ")[2])
    one = rows[0]
    return [
        f"`{name}`" + f" ({one['package']})" * (not name.startswith(OURS)),
        settings,
        f"{one.get('width') or '-'}, {one['batch']}",
        spread(rows),
        *(shown(statistics.median(row[m] for row in rows)) for m in
          ("precision", "recall", "coverage")),
        *(reach([row[m] for row in rows if row.get(m)]) for m in ("images", "steps", "seconds")),
    ]  # fmt: skip


def scores(rows: Sequence[Row]) -> list[float]:
    return [float(row["frechet"]) for row in sorted(rows, key=lambda row: int(row["seed"]))]


def spread(rows: Sequence[Row]) -> str:
    return ", ".join(shown(value) for value in scores(rows))


def reach(found: Sequence[float]) -> str:
    if not found:
        return "-"
    low, high = (f"{round(value):,}" for value in (min(found), max(found)))
    return low if low == high else f"{low} to {high}"


def verdicts(groups: dict[tuple[str, str], list[Row]], words: dict[str, str]) -> list[str]:
    """Of each of ours: which rivals it beats with every seed, and which it does not.

    A rival counts with the settings that were taken for it.
    """
    rivals = {
        name: scores(rows)
        for (name, _), rows in groups.items()
        if not name.startswith(OURS) and rows[0].get("taken")
    }
    found = []
    for (name, _), rows in groups.items():
        if not name.startswith(OURS):
            continue
        own = scores(rows)
        kinds: dict[str, list[str]] = {"ahead": [], "near": [], "behind": []}
        for rival, theirs in rivals.items():
            kind = "ahead" if max(own) < min(theirs) else "near"
            kinds["behind" if min(own) > max(theirs) else kind].append(f"`{rival}`")
        found += [
            words[kind].format(name=name, others=listed(names, words))
            for kind, names in kinds.items()
            if names
        ]
    return found


def listed(names: Sequence[str], words: dict[str, str]) -> str:
    if len(names) == 1:
        return names[0]
    return words["comma"].join(names[:-1]) + words["and"] + names[-1]


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *body]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]
