// Functions of numbers, one by one.
"use strict";

Object.assign(OPERATORS, {
  clamp: unary((v, s) => Math.min(Math.max(v, s.min ?? -Infinity), s.max ?? Infinity)),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  exp: unary(Math.exp),
  log1p: unary(Math.log1p),
  round: unary(halfEven),
  div: binary((a, b) => a / b),
  power: binary((a, b) => a ** b),
  ge: binary((a, b) => (a >= b ? 1 : 0)),
});
