"""The words of the table of `doctor.py` in Chinese."""

from __future__ import annotations

import re

HEAD = (
    "| fault | right first name | said first instead | "
    "median delay from a fifth on | from the fault on |"
)
CHINESE = {  # what the table says, the longer first
    "Seeds from 51 on:": "种子 51 起：",
    "Seeds below 51, by earlier looks and rules:": "种子 51 以前，用较早的检查和规则：",
    "Seed 0, on which thresholds were fitted:": "种子 0，阈值在它上面拟合：",
    HEAD: "| 故障 | 最先说对名称 | 最先误说 | 从五分之一起的延迟中位数 | 从故障起 |",
    "no fault, kinds of data above: nothing is said": "无故障，上述数据：什么也没说",
    "no fault, recipes: nothing is said": "无故障，各配方：什么也没说",
    "generator frozen": "生成器冻结",
    "four constants": "四个常量",
    "D's rate x 100": "判别器学习率 100 倍",
    "64 training samples": "64 个训练样本",
    "(8 points)": "（点只有 8 个）",
    "labels of others for D, in training alone": "判别器只在训练时拿到别的样本的标签",
    "labels shuffled for D": "判别器的标签被打乱",
    "labels withheld from G": "不给生成器标签",
    "no penalties, rates x 10": "无惩罚项，学习率 10 倍",
    "training samples replayed": "重放训练样本",
    "blank output": "空白输出",
    "the nine": "九种合计",
    "generator's rate 0 from half on": "生成器学习率从一半起为 0",
    "labels off by one for G": "生成器的标签错一位",
    "D's verdict inverted for G": "给生成器的判断被反号",
    "one mode is never drawn": "一个模式从不出现",
    "D's rate 0 from a third on": "判别器学习率从三分之一起为 0",
    "G's optimiser does nothing from half on": "生成器的优化器从一半起不更新",
    "each latent twice in a batch": "一批中每个隐变量出现两次",
    "data normalised twice": "数据归一化两次",
    "noise on real samples": "真实样本加噪声",
    "half of the fakes inverted": "一半的假样本取反",
    "gradients clipped to 1e-6": "梯度裁剪到 1e-6",
    "not finite from 60 % on": "从 60 % 起不是有限数",
    "labels of two classes swapped for D": "判别器的两个类别标签对调",
    "one class is never shown, with labels": "一个类别从不展示，有标签",
    "one class is never shown": "一个类别从不展示",
    "latents of two numbers": "隐变量只有两个数",
    "the average stays at the start": "平均权重停在起点",
    "the average is far too slow": "平均过慢",
    "data in 0..1 for networks in -1..1": "网络用 -1..1，数据却在 0..1",
    "D's rate 0": "判别器学习率为 0",
    "D's last layer zeroed every tenth step": "判别器最后一层每十步清零",
    "weights grow by 1 % a step": "权重每步增大 1 %",
    "latents of one number": "隐变量只有一个数",
    "one class has one face": "一个类别只有一种样子",
    "batches of one": "批大小为 1",
    "penalties x 1,000": "惩罚项 1,000 倍",
    "half of the data are black": "一半数据全黑",
    "one class is never drawn": "一个类别从不出现",
    "optimisers' state forgotten every 20 steps": "优化器状态每 20 步清空",
    "every batch is the first one": "每一批都是第一批",
    "D sees half of each image": "判别器只看到图像的一半",
    "normalised by another set's mean": "用别的数据集的均值归一化",
    "latents are one of two": "隐变量只有两个取值",
    "one channel of fakes is stuck": "假样本的一个通道卡住",
    "labels off by one in every other batch": "每隔一批标签错一位",
    "half of the labels are any": "一半标签是任意的",
    "half of two classes swapped": "两个类别的一半对调",
    "gradients clipped to 1e-4 (harmless)": "梯度裁剪到 1e-4（无害）",
    "both rates 0 from half on": "两个学习率从一半起为 0",
    "no average (harmless)": "没有平均（无害）",
    "columns shuffled against one another": "各列互相错乱",
    "the same latents in every batch": "每一批的隐变量都相同",
    "noise on the discriminator's logits": "判别器的 logit 加噪声",
    "weights shrink by 3 % a step": "权重每步缩小 3 %",
    "half of the generator's layers frozen": "生成器一半的层被冻结",
    "lines read backwards": "文本行倒着读",
    "nothing (": "什么也没说 (",
}  # fmt: skip


def in_chinese(table: str) -> str:
    for words, own in CHINESE.items():
        table = table.replace(words, own)
    return re.sub(r"(\d+) of (\d+) \((\d+) to (\d+) %\)", r"\2 次中 \1 次（\3 至 \4 %）", table)
