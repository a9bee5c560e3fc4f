// Fields in the unit of their data: a server gives them so.
"use strict";

// A sample of a network in the unit of its data, as modalities.field.scaling has it
function physical(x, channels, e) {
  const each = x.length / channels;
  return x.map((value, i) => {
    const c = Math.floor(i / each);
    if (e.scaling === "standard") return value * e.scale[c] + e.offset[c];
    if (e.scaling !== "log") return value;
    const units = Math.expm1(Math.min(value * e.scale[c], 60));
    const found = (e.whole ? halfEven(units) : units) * e.unit[c];
    return found >= e.least[c] / 2 ? found : 0;
  });
}
