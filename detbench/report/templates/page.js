"use strict";
// The page is complete without this: here tables learn to sort and filter, and the document to be saved.
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...[...table.tHead.rows].at(-1).cells]; // above them there may be a row that groups them
  const key = (row, column) => row.cells[column]?.dataset.value ?? row.cells[column]?.textContent.trim() ?? "";
  const compare = (a, b, numeric) =>
    numeric ? Number(a) - Number(b) : a.localeCompare(b, undefined, { numeric: true, sensitivity: "base" });
  heads.forEach((head, column) => {
    if (head.classList.contains("plot")) return; // a scale is no heading to sort by
    const numeric = head.classList.contains("number");
    const button = make("button", { type: "button", className: "sort" });
    button.append(...[...head.childNodes].filter((node) => !node.classList?.contains("axis")));
    head.prepend(button);
    button.addEventListener("click", () => {
      const down = head.ariaSort ? head.ariaSort === "ascending" : numeric;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a, column), key(b, column)];
        if (numeric && (x === "" || y === "")) return (x === "") - (y === ""); // an undefined number stays last
        return compare(x, y, numeric) * (down ? -1 : 1);
      });
      body.append(...rows);
    });
  });
  if (body.rows.length > 20) {
    const filter = make("input", { type: "search", className: "filter", placeholder: table.dataset.find });
    filter.setAttribute("aria-label", table.dataset.find);
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      for (const row of body.rows) {
        row.hidden = !(row.querySelector("th") ?? row.cells[0]).textContent.toLowerCase().includes(wanted);
      }
    });
    (table.closest(".wide") ?? table).before(filter);
  }
}

// Where there is no pointer to hold over a number, a tap shows what its title says.
for (const cell of document.querySelectorAll("td[title]")) cell.tabIndex = -1;

const save = document.getElementById("save");
const button = make("button", { type: "button", className: "button", textContent: `Save ${save.dataset.file}` });
button.addEventListener("click", () => {
  const text = document.getElementById("result").textContent.trim() + "\n";
  const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  make("a", { href, download: save.dataset.file }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
});
save.append(button);
