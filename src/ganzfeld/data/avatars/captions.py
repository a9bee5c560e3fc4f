"""Describe an avatar in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from ganzfeld.data.avatars.description import CLOTHES_COLOURS, Scene
from ganzfeld.data.avatars.oklab import nearest
from ganzfeld.data.avatars.scene import EYE_COLOURS
from ganzfeld.errors import UsageError, did_you_mean

MOUTHS = {
    "smile": ("A smiling person", "面带微笑"),
    "open": ("A laughing person", "开怀大笑"),
    "neutral": ("A calm person", "神情平静"),
    "sad": ("A sad person", "神情难过"),
}
HAIR = {
    "short": ("short {} hair", "{}短发"),
    "bob": ("a {} bob", "{}波波头"),
    "long": ("long {} hair", "{}长发"),
    "curly": ("curly {} hair", "{}卷发"),
    "bun": ("{} hair in a bun", "{}丸子头"),
    "mohawk": ("a {} mohawk", "{}莫西干头"),
    "bald": ("a bald head", "光头"),
}
BEARDS = {"moustache": ("a {} moustache", "{}小胡子"), "full": ("a {} beard", "{}络腮胡")}
EYES = {
    "round": ("round {} eyes", "圆圆的{}眼睛"),
    "almond": ("almond-shaped {} eyes", "杏仁形的{}眼睛"),
    "happy": ("eyes closed with joy", "笑眯了的眼睛"),
    "sleepy": ("sleepy {} eyes", "睡意蒙眬的{}眼睛"),
}
GLASSES = {
    "round": ("round glasses", "圆框眼镜"),
    "square": ("square glasses", "方框眼镜"),
    "sun": ("sunglasses", "墨镜"),
}
HATS = {
    "cap": ("a {} cap", "{}棒球帽"),
    "beanie": ("a {} beanie", "{}毛线帽"),
    "wizard": ("a {} wizard's hat", "{}巫师帽"),
}
EARRINGS = {"studs": ("ear studs", "耳钉"), "hoops": ("hoop earrings", "耳环")}
CLOTHES = {
    "plain": ("a {} T-shirt", "{}T恤"),
    "striped": ("a striped {} T-shirt", "{}条纹T恤"),
    "collar": ("a {} shirt", "{}衬衫"),
    "hoodie": ("a {} hoodie", "{}连帽衫"),
}
BACKGROUNDS = {
    "plain": ("a plain {} background", "纯{}背景"),
    "gradient": ("a {} background that shades off", "{}渐变背景"),
    "stripes": ("a striped {} background", "{}条纹背景"),
    "dots": ("a dotted {} background", "{}圆点背景"),
    "circle": ("a {} background with a large disc", "带大圆的{}背景"),
}
CHINESE_COLOURS = {
    **{"black": "黑色", "brown": "棕色", "auburn": "红褐色", "ginger": "姜黄色"},
    **{"blonde": "金色", "silver": "银色", "pink": "粉色", "blue": "蓝色", "teal": "青色"},
    **{"purple": "紫色", "red": "红色", "orange": "橙色", "yellow": "黄色", "green": "绿色"},
    **{"navy": "深蓝色", "white": "白色", "charcoal": "深灰色", "lavender": "淡紫色"},
    **{"peach": "桃色", "cream": "米色", "coral": "珊瑚色"},
}


def caption(scene: Scene, language: str = "en") -> str:
    """A sentence that says what the image shows; `language` is "en" or "zh"."""
    if language not in ("en", "zh"):
        raise UsageError(f"no captions in {language!r}", fix=did_you_mean(language, ("en", "zh")))
    chinese = language == "zh"
    names = scene.attributes

    def say(words: dict[str, tuple[str, str]], name: str, colour: str = "") -> str:
        if chinese:
            return words[name][1].format(CHINESE_COLOURS.get(colour, ""))
        phrase = words[name][0].format(colour)
        return phrase.replace("a auburn", "an auburn").replace("a orange", "an orange")

    has = [say(HAIR, scene.hair, names["hair_colour"])]
    if scene.beard != "none":
        has.append(say(BEARDS, scene.beard, names["hair_colour"]))
    if scene.eyes != "hidden":
        has.append(say(EYES, scene.eyes, nearest(scene.eye_colour, EYE_COLOURS)))
    wears = []
    if scene.hat != "none":
        wears.append(say(HATS, scene.hat, nearest(scene.hat_colour, CLOTHES_COLOURS)))
    if scene.glasses != "none":
        wears.append(say(GLASSES, scene.glasses))
    if scene.earrings != "none":
        wears.append(say(EARRINGS, scene.earrings))
    clothes = say(CLOTHES, scene.clothes, names["clothes_colour"])
    behind = say(BACKGROUNDS, scene.background, names["background_colour"])
    mouth = say(MOUTHS, scene.mouth)
    if chinese:
        wearing = f"戴着{'、'.join(wears)}，" if wears else ""
        return f"一个人{mouth}，有着{'、'.join(has)}，{wearing}身穿{clothes}，{behind}。"
    return f"{mouth} with {listed(has)}, wearing {listed([*wears, clothes])}, on {behind}."


def listed(phrases: Sequence[str]) -> str:
    """English for a list: "a", "a and b", "a, b and c"."""
    return " and ".join((", ".join(phrases[:-1]), phrases[-1])) if phrases[1:] else phrases[0]
