// Steps of a recurrent network.
"use strict";

const sigmoid = (v) => 1 / (1 + Math.exp(-v));

function recurrent(net, y, [rows, first, inputs, weights, ofInputs, ofStates], { shape }) {
  const [, steps, width] = shape, before = inputs.length / width / 3;
  let state = Float64Array.from(first);
  const times = (matrix, size, row, from, v, bias) => {
    let total = bias[row];
    for (let i = 0; i < size; i++) total += matrix[row * size + i] * v[from + i];
    return total;
  };
  for (let t = 0; t < steps; t++) {
    const next = new Float64Array(width);
    for (let i = 0; i < width; i++) {
      const given = (k) => times(inputs, before, k * width + i, t * before, rows, ofInputs);
      const held = (k) => times(weights, width, k * width + i, 0, state, ofStates);
      const reset = sigmoid(given(0) + held(0)), keep = sigmoid(given(1) + held(1));
      const fresh = Math.tanh(given(2) + reset * held(2));
      next[i] = Math.fround(fresh + keep * (state[i] - fresh));
    }
    y.set(next, t * width);
    state = next;
  }
}

Object.assign(OPERATORS, {
  gru: recurrent,
  sigmoid: unary(sigmoid),
});
