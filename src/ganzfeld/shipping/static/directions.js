// Sliders along the directions of a model, where the page has its network.
"use strict";

// How far samples go along a direction of the latent, as `ganzfeld sample --direction` takes it
function slider(app, number) {
  const label = make("label"), head = make("span"), input = make("input");
  const [name, value] = ["span", "output"].map((tag) => head.appendChild(make(tag)));
  app.say(name, "direction {number}", { number });
  Object.assign(input, { type: "range", min: "-3", max: "3", step: "0.25", value: "0" });
  const take = () => { app.state.moves[number] = Number(input.value); value.textContent = ` ${input.value}`; };
  input.addEventListener("input", take);
  input.addEventListener("change", () => { take(); app.draw(); });
  label.append(head, input);
  return label;
}

FITTING.push((app) => {
  $("moves").replaceChildren(...app.still.map((_, number) => slider(app, number)));
  $("of-moves").hidden = !app.still.length;
});
