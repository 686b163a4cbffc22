// [data-print]: hidden until there is a script that can print; every browser also has its own menu.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
