"""The words of captions with paraphrases: every way to say a thing, and how likely each is.

A template has {} where a colour stands. The odds of the ways of one thing add up to 1.
"""

from __future__ import annotations

from ganzfeld.data.avatars.sentences import SAID

Way = tuple[str, float]  # a template and its probability
Ways = tuple[Way, ...]
Table = dict[str, dict[str, tuple[Ways, Ways]]]  # by part and value, in English and Chinese

LANGUAGES = ("en", "zh")
SPOKEN = 0.5  # probability of each language
PERSON: dict[str, Ways] = {
    "en": (("person", 0.5), ("man", 0.5)),  # the second only for one with a beard
    "zh": (("一个人", 0.5), ("一个男人", 0.5)),
}
ANY_HAT = 0.3  # "a hat" for a cap, a beanie, a wizard's hat
HAT: dict[str, str] = {"en": "a {} hat", "zh": "{}帽子"}
# the clauses: what one has (h), wears (w), and what is behind (b)
ORDERS: Ways = (("hwb", 0.45), ("whb", 0.25), ("hbw", 0.18), ("bwh", 0.12))
LINKS: dict[str, dict[str, Ways]] = {
    "en": {
        "h": (("with", 0.65), ("who has", 0.35)),
        "w": (("wearing", 0.6), ("dressed in", 0.25), ("in", 0.15)),
        "b": (("on", 0.55), ("in front of", 0.3), ("against", 0.15)),
    },
    "zh": {
        "h": (("有着", 0.65), ("长着", 0.35)),
        "w": (("戴着", 0.7), ("佩戴", 0.3)),  # of hat, glasses, earrings
        "c": (("身穿", 0.65), ("穿着", 0.35)),  # of clothes
        "b": (("", 0.6), ("背后是", 0.4)),
    },
}
CLAUSES = {
    "h": ("hair", "beard", "eyes"),
    "w": ("hat", "glasses", "earrings", "clothes"),
    "b": ("background",),
}
COLOURED = {  # the colour that a part's template takes
    **{"hair": "hair_colour", "beard": "hair_colour", "eyes": "eye_colour"},
    **{"hat": "hat_colour", "clothes": "clothes_colour", "background": "background_colour"},
}
WAYS: Table = {
    "mouth": {
        "smile": ((("smiling", 0.65), ("cheerful", 0.35)), (("面带微笑", 0.65), ("微笑着", 0.35))),
        "open": ((("laughing", 0.7), ("amused", 0.3)), (("开怀大笑", 0.7), ("哈哈大笑", 0.3))),
        "neutral": ((("calm", 0.6), ("serious", 0.4)), (("神情平静", 0.6), ("表情平静", 0.4))),
        "sad": ((("sad", 0.7), ("gloomy", 0.3)), (("神情难过", 0.7), ("神情悲伤", 0.3))),
    },
    "hair": {
        "short": ((("short {} hair", 0.75), ("cropped {} hair", 0.25)), (("{}短发", 1.0),)),
        "bob": ((("a {} bob", 0.7), ("bobbed {} hair", 0.3)), (("{}波波头", 1.0),)),
        "long": ((("long {} hair", 0.7), ("flowing {} hair", 0.3)), (("{}长发", 1.0),)),
        "curly": ((("curly {} hair", 0.7), ("{} curls", 0.3)), (("{}卷发", 1.0),)),
        "bun": (
            (("{} hair in a bun", 0.7), ("{} hair tied up", 0.3)),
            (("{}丸子头", 0.7), ("{}发髻", 0.3)),
        ),
        "mohawk": ((("a {} mohawk", 1.0),), (("{}莫西干头", 1.0),)),
        "bald": ((("a bald head", 0.6), ("no hair", 0.4)), (("光头", 1.0),)),
    },
    "beard": {
        "moustache": ((("a {} moustache", 1.0),), (("{}小胡子", 0.7), ("{}八字胡", 0.3))),
        "full": ((("a {} beard", 0.7), ("a full {} beard", 0.3)), (("{}络腮胡", 1.0),)),
    },
    "eyes": {
        "round": ((("round {} eyes", 1.0),), (("圆圆的{}眼睛", 1.0),)),
        "almond": (
            (("almond-shaped {} eyes", 0.6), ("narrow {} eyes", 0.4)),
            (("杏仁形的{}眼睛", 1.0),),
        ),
        "happy": (
            (("eyes closed with joy", 0.7), ("closed eyes", 0.3)),
            (("笑眯了的眼睛", 0.7), ("闭着的眼睛", 0.3)),
        ),
        "sleepy": (
            (("sleepy {} eyes", 0.7), ("tired {} eyes", 0.3)),
            (("睡意蒙眬的{}眼睛", 0.6), ("困倦的{}眼睛", 0.4)),
        ),
    },
    "hat": {
        "cap": ((("a {} cap", 1.0),), (("{}棒球帽", 1.0),)),
        "beanie": ((("a {} beanie", 0.7), ("a {} woolly hat", 0.3)), (("{}毛线帽", 1.0),)),
        "wizard": (
            (("a {} wizard's hat", 0.7), ("a pointed {} hat", 0.3)),
            (("{}巫师帽", 0.7), ("{}尖帽", 0.3)),
        ),
    },
    "glasses": {
        "round": ((("round glasses", 0.75), ("round spectacles", 0.25)), (("圆框眼镜", 1.0),)),
        "square": ((("square glasses", 0.75), ("square spectacles", 0.25)), (("方框眼镜", 1.0),)),
        "sun": ((("sunglasses", 0.7), ("dark glasses", 0.3)), (("墨镜", 0.6), ("太阳镜", 0.4))),
    },
    "earrings": {
        "studs": ((("ear studs", 0.65), ("small earrings", 0.35)), (("耳钉", 1.0),)),
        "hoops": ((("hoop earrings", 0.65), ("ear hoops", 0.35)), (("耳环", 1.0),)),
    },
    "clothes": {
        "plain": ((("a {} t-shirt", 0.65), ("a plain {} t-shirt", 0.35)), (("{}t恤", 1.0),)),
        "striped": ((("a striped {} t-shirt", 1.0),), (("{}条纹t恤", 1.0),)),
        "collar": ((("a {} shirt", 0.7), ("a collared {} shirt", 0.3)), (("{}衬衫", 1.0),)),
        "hoodie": ((("a {} hoodie", 0.7), ("a hooded {} jumper", 0.3)), (("{}连帽衫", 1.0),)),
    },
    "background": {
        "plain": ((("a plain {} background", 1.0),), (("纯{}背景", 1.0),)),
        "gradient": (
            (("a {} background that shades off", 0.6), ("a {} background that fades", 0.4)),
            (("{}渐变背景", 1.0),),
        ),
        "stripes": ((("a striped {} background", 1.0),), (("{}条纹背景", 1.0),)),
        "dots": (
            (("a dotted {} background", 0.65), ("a spotted {} background", 0.35)),
            (("{}圆点背景", 0.65), ("{}波点背景", 0.35)),
        ),
        "circle": (
            (("a {} background with a large disc", 0.6), ("a {} background with a circle", 0.4)),
            (("带大圆的{}背景", 0.6), ("带圆圈的{}背景", 0.4)),
        ),
    },
}
assert WAYS.keys() == SAID.keys()


def ways_of(part: str, value: str, language: str) -> Ways:
    """The ways to say one value of a part."""
    return WAYS[part][value][LANGUAGES.index(language)]


def chosen(ways: Ways, number: float) -> int:
    """The way at which the cumulative odds pass a number in [0, 1)."""
    for place, (_, odds) in enumerate(ways[:-1]):
        number -= odds
        if number < 0:
            return place
    return len(ways) - 1
