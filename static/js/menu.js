// <details class="menu"> opens by itself; this closes it on Escape and on a press elsewhere.
{
  const open = () => document.querySelectorAll("details.menu[open]");

  addEventListener("click", (event) => {
    for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
  });

  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}
