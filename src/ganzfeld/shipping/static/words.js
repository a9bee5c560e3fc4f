// The page's words in Chinese; the English is what the code says.
"use strict";

const CHINESE = {
  "Every {one} here was made by a neural network. None is a recording of anything real.":
    "这里的每个样本（{one}）都由神经网络生成，没有一个取自真实世界。",
  "The same seed gives the same {one} on the command line, in the API and here.":
    "同一个种子在命令行、API 和本页面中得到相同的结果。",
  "Seed": "种子", "Another": "换一批", "Class": "类别", "random": "随机", "Variety": "多样性",
  "How many": "数量", "Keep the best": "只留最好的", "Copy link": "复制链接", "Link copied": "链接已复制",
  "Download": "下载", "Download all": "全部下载", "Close": "关闭", "Favourites": "收藏",
  "Add to favourites": "加入收藏", "Remove from favourites": "取消收藏", "Clear": "清空",
  "Directions": "方向", "direction {number}": "方向 {number}", "direction {number} {step}": "方向 {number} {step}",
  "History": "历史", "Interpolate": "插值", "Start here": "设为起点", "End here": "设为终点",
  "Play": "播放", "Pause": "暂停", "Place between the two": "两者之间的位置",
  "Open two {noun} and press Start here and End here.": "打开两个样本，分别点“设为起点”和“设为终点”。",
  "Check this page": "自检", "About": "关于", "Theme": "主题", "auto": "自动", "light": "浅色", "dark": "深色",
  "Language": "语言", "drawing {done} of {total}": "正在生成 {done} / {total}",
  "scoring {done} of {total}": "正在评分 {done} / {total}",
  "{count} {noun}, {ms} ms each": "{count} 个样本，每个 {ms} 毫秒", "{count} {noun}": "{count} 个样本",
  "A seed is a whole number from 0 to 18446744073709551615.": "种子是 0 到 18446744073709551615 之间的整数。",
  "The discriminator kept {count} of {of}: {times} times the work, and less variety.":
    "判别器从 {of} 个中留下 {count} 个：计算量是 {times} 倍，多样性降低。",
  "score {score}": "评分 {score}", "seed {seed}, number {index}": "种子 {seed}，编号 {index}",
  "generated {one}, seed {seed}, number {index}": "生成的样本，种子 {seed}，编号 {index}",
  "Checking ...": "正在自检……",
  "Equal: {count} {noun} agree with PyTorch's, {share} of their values differ by one level of 256.":
    "一致：{count} 个样本与 PyTorch 的结果相符，{share} 的数值相差一级（共 256 级）。",
  "Different: up to {most} levels of 256, {share} of the values. Please report this browser.":
    "不一致：最多相差 {most} 级（共 256 级），占数值的 {share}。请报告您的浏览器。",
  "weights": "权重", "recipe": "配方", "model": "模型", "data": "数据", "precision": "精度", "engine": "引擎",
  "float16: {noun} differ from the command line's by at most a level or two of 256":
    "float16：与命令行的结果至多相差一两级（共 256 级）",
  "float32: {noun} as the command line draws them": "float32：与命令行的结果相同",
  "WebAssembly": "WebAssembly", "JavaScript": "JavaScript", "the server": "服务器",
  "Translate": "转换", "Drop an image here, paste one, or choose a file.": "把图像拖到这里、粘贴，或选择文件。",
  "Direction": "方向", "before": "之前", "after": "之后", "Border between before and after": "前后分界",
  "That is not an image that this browser can read.": "浏览器无法读取这个图像。",
  "Images are cut to {size} pixels, the size that the model was trained on.":
    "图像会被裁剪为 {size} 像素，即模型训练时的尺寸。",
  "{low} to {high} {unit}": "{low} 到 {high} {unit}", "Arrow keys move, Enter opens, F favours, N draws others.":
    "方向键移动，回车打开，F 收藏，N 换一批。",
  "Text": "文字描述", "Token": "令牌", "The server wants a token.": "服务器需要令牌。", "Model": "模型",
  "An image of your own": "你自己的图像",
  "Looking for its latent. That takes seconds ...": "正在寻找对应的潜变量，需要几秒……",
  "The after side is what the model makes of it. Error {error}; the best of {candidates} random samples has {start}. 0 is equal, 1 is black for white.":
    "“之后”一侧是模型的重建结果。误差 {error}；{candidates} 个随机样本中最好的为 {start}。0 表示完全相同，1 表示黑白颠倒。",
  "mixed with sample 0 of the seed above": "与上方种子的第 0 个样本混合",
  "Copy": "复制", "{count} {noun} copied": "已复制 {count} 个样本",
  "This browser lets no page copy: select the text instead.": "此浏览器不允许网页复制，请选中文本后复制。",
  "step": "步", "step of {step}": "步（每步 {step}）", "step {step}": "第 {step} 步",
  "deviations of each channel": "各通道的标准差",
  "Point at the chart, or press the arrow keys, for its values.": "把指针移到图上，或按方向键，查看数值。",
  "line": "行", "lines": "行", "row": "行", "rows": "行", "series": "序列",
  "image": "图像", "images": "图像", "sound": "声音", "sounds": "声音", "field": "场", "fields": "场",
};
