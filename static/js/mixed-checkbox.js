// [data-all]: one box in the head of a table ticks every row below it, and shows when only some are ticked.
// [data-mixed]: a box that the server knows to be half ticked; no attribute of HTML can say so.
for (const box of document.querySelectorAll("[data-mixed]")) box.indeterminate = true;

for (const all of document.querySelectorAll("[data-all]")) {
  const table = all.closest("table");
  const rows = () => [...table.querySelectorAll("tbody .tick input:not(:disabled)")];
  const show = () => {
    const ticked = rows().filter((box) => box.checked).length;
    all.checked = ticked > 0 && ticked === rows().length;
    all.indeterminate = ticked > 0 && !all.checked;
  };
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    for (const box of rows()) box.checked = all.checked;
  });
  table.addEventListener("change", show);
  table.closest("form")?.addEventListener("reset", () => setTimeout(show));
  show();
}
