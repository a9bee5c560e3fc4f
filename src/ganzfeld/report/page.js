// The slider through time. Without JavaScript, and on paper, the strip says the same.
for (const box of document.querySelectorAll(".time")) {
  const viewer = box.querySelector(".viewer");
  const [picture, slider, shown] = ["img", "input", "output"].map((n) => viewer.querySelector(n));
  const stills = [...box.querySelectorAll(".strip figure")];
  const show = () => {
    const still = stills[slider.value];
    const text = still.querySelector("figcaption").textContent;
    picture.src = still.querySelector("img").src;
    picture.alt = still.querySelector("img").alt;
    shown.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  };
  slider.addEventListener("input", show);
  stills.forEach((still, i) => still.addEventListener("click", () => ((slider.value = i), show())));
  viewer.hidden = false;
  show();
}
