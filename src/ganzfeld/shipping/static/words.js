// The page's words in Chinese; the English is what the code says. Other files add their own.
"use strict";

const MADE = "Every {one} here was made by a neural network. None is a recording of anything real.";

const CHINESE = {
  [MADE]:
    "这里的每个样本（{one}）都由神经网络生成，没有一个取自真实世界。",
  "Seed": "种子", "Another": "换一批", "Class": "类别", "random": "随机", "Variety": "多样性", "How many": "数量",
  "Keep the best": "只留最好的", "Copy link": "复制链接", "Link copied": "链接已复制", "Download": "下载",
  "Download all": "全部下载", "Close": "关闭", "Favourites": "收藏", "Add to favourites": "加入收藏",
  "Remove from favourites": "取消收藏", "Clear": "清空", "Directions": "方向",
  "direction {number}": "方向 {number}", "direction {number} {step}": "方向 {number} {step}",
  "History": "历史", "Check this page": "自检", "About": "关于",
  "Theme": "主题", "auto": "自动", "light": "浅色", "dark": "深色", "Language": "语言",
  "drawing {done} of {total}": "正在生成 {done} / {total}",
  "scoring {done} of {total}": "正在评分 {done} / {total}",
  "{count} {noun}, {ms} ms each": "{count} 个样本，每个 {ms} 毫秒", "{count} {noun}": "{count} 个样本",
  "A seed is a whole number from 0 to 18446744073709551615.":
    "种子是 0 到 18446744073709551615 之间的整数。",
  "The discriminator kept {count} of {of}: {times} times the work, and less variety.":
    "判别器从 {of} 个中留下 {count} 个：计算量是 {times} 倍，多样性降低。",
  "score {score}": "评分 {score}", "seed {seed}, number {index}": "种子 {seed}，编号 {index}",
  "generated {one}, seed {seed}, number {index}": "生成的样本，种子 {seed}，编号 {index}", "weights": "权重",
  "recipe": "配方", "data": "数据", "precision": "精度", "engine": "引擎",
  "Arrow keys move, Enter opens, F favours, N draws others.": "方向键移动，回车打开，F 收藏，N 换一批。",
  "Copy": "复制",
  "line": "行",
  "lines": "行", "row": "行", "rows": "行", "image": "图像", "images": "图像", "sound": "声音",
  "sounds": "声音", "field": "场", "fields": "场",
};
