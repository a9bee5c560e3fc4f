// Latents and labels of samples, equal to the bit with ganzfeld.core.latents (docs/latents.md).
"use strict";

const PURPOSE = { latent: 1, label: 2 };
const ROTATIONS = [[10, 26], [11, 21], [13, 27], [23, 5], [6, 20], [17, 11], [25, 10], [18, 20]];

// Threefry 4x32 with 20 rounds: four words for a counter and a key of four words
function threefry(counter, key) {
  const keys = [...key, (0x1bd11bda ^ key[0] ^ key[1] ^ key[2] ^ key[3]) >>> 0];
  let x0 = (counter[0] + keys[0]) >>> 0, x1 = (counter[1] + keys[1]) >>> 0;
  let x2 = (counter[2] + keys[2]) >>> 0, x3 = (counter[3] + keys[3]) >>> 0;
  for (let turn = 0; turn < 20; turn++) {
    const [a, b] = ROTATIONS[turn % 8];
    if (turn % 2) {
      x0 = (x0 + x3) >>> 0; x3 = ((x3 << a) | (x3 >>> (32 - a))) ^ x0;
      x2 = (x2 + x1) >>> 0; x1 = ((x1 << b) | (x1 >>> (32 - b))) ^ x2;
    } else {
      x0 = (x0 + x1) >>> 0; x1 = ((x1 << a) | (x1 >>> (32 - a))) ^ x0;
      x2 = (x2 + x3) >>> 0; x3 = ((x3 << b) | (x3 >>> (32 - b))) ^ x2;
    }
    if (turn % 4 === 3) {
      const group = (turn + 1) / 4;
      x0 = (x0 + keys[group % 5]) >>> 0;
      x1 = (x1 + keys[(group + 1) % 5]) >>> 0;
      x2 = (x2 + keys[(group + 2) % 5]) >>> 0;
      x3 = (x3 + keys[(group + 3) % 5] + group) >>> 0;
    }
  }
  return [x0 >>> 0, x1 >>> 0, x2 >>> 0, x3 >>> 0];
}

const low = (n) => Number(n & 0xffffffffn);
const high = (n) => Number((n >> 32n) & 0xffffffffn);

function words(purpose, seed, number, block) {
  return threefry([block, low(number), high(number), 0],
    [low(seed), high(seed), purpose, 0x67616e7a]);
}

const factorial = (n) => (n < 2 ? 1 : n * factorial(n - 1));
const NINE = [8, 7, 6, 5, 4, 3, 2, 1, 0];
const ATANH = [23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1].map((n) => 1 / n);
const SINE = NINE.map((n) => (n % 2 ? -1 : 1) / factorial(2 * n + 1));
const COSINE = NINE.map((n) => (n % 2 ? -1 : 1) / factorial(2 * n));

function polynomial(coefficients, x) {
  let y = coefficients[0];
  for (let i = 1; i < coefficients.length; i++) y = y * x + coefficients[i];
  return y;
}

function logarithm(u) {
  let m = u, e = 0;
  while (m < 0.5) { m *= 2; e -= 1; }
  if (m < Math.sqrt(0.5)) { m *= 2; e -= 1; }
  const s = (m - 1) / (m + 1);
  return e * 0.69314718036912381649
    + (e * 1.90821492927058770002e-10 + (s + s) * polynomial(ATANH, s * s));
}

function circle(v) {
  const quarter = Math.floor(4 * v + 0.5), a = (v - quarter * 0.25) * (2 * Math.PI);
  const s = a * polynomial(SINE, a * a), c = polynomial(COSINE, a * a);
  return [[c, s], [-s, c], [-c, -s], [s, -c]][quarter % 4];
}

// The latent of a sample, a Float32Array; seed and number are BigInts below 2^64
function latentOf(size, seed, number, std = 1) {
  const z = new Float32Array(4 * Math.ceil(size / 4));
  for (let i = 0; i < z.length; i += 4) {
    const w = words(PURPOSE.latent, seed, number, i / 4);
    for (let half = 0; half < 4; half += 2) {
      const radius = Math.sqrt(-2 * logarithm((w[half] + 0.5) * 2 ** -32));
      const [c, s] = circle((w[half + 1] + 0.5) * 2 ** -32);
      z[i + half] = radius * c;
      z[i + half + 1] = radius * s;
    }
  }
  const spread = Math.fround(std);
  if (spread !== 1) for (let i = 0; i < z.length; i++) z[i] = spread * z[i];
  return z.subarray(0, size);
}

// The random class of a sample, below classes
function labelOf(classes, seed, number) {
  return Math.floor((words(PURPOSE.label, seed, number, 0)[0] * classes) / 2 ** 32);
}

// What steps along directions add to a latent, as ganzfeld.models.directions has it, to the bit
function shiftOf(size, vectors, steps) {
  const found = new Float32Array(size);
  steps.forEach((step, number) => {
    const by = Math.fround(step);
    if (by) for (let i = 0; i < size; i++) found[i] += Math.fround(by * vectors[number * size + i]);
  });
  return found;
}

// A latent between two, along the sphere: share 0 is a, 1 is b. Accurate to 1e-7, not to the bit.
function between(a, b, share) {
  const norm = (v) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0)) || 1;
  const na = norm(a), nb = norm(b), length = na + (nb - na) * share;
  const dot = a.reduce((sum, x, i) => sum + (x / na) * (b[i] / nb), 0);
  const angle = Math.acos(Math.max(-1, Math.min(1, dot)));
  let wa = 1 - share, wb = share;
  if (angle > 1e-4 && Math.PI - angle > 1e-4) {
    wa = Math.sin((1 - share) * angle) / Math.sin(angle);
    wb = Math.sin(share * angle) / Math.sin(angle);
  }
  return a.map((x, i) => length * (wa * (x / na) + wb * (b[i] / nb)));
}
