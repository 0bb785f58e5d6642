"use strict";
(() => {
  const form = document.getElementById("filters");
  const rows = [...document.querySelectorAll("article[data-flags]")];
  const shown = document.getElementById("shown");
  if (!form || !rows.length) return;
  form.hidden = false;
  const flags = new Map(rows.map((row) => [row, new Set(row.dataset.flags.split(" "))]));
  const texts = new Map(rows.map((row) => [row, row.textContent.toLocaleLowerCase()]));
  const apply = () => {
    const wanted = [...form.querySelectorAll("select")].map((one) => one.value).filter(Boolean);
    if (form.elements.failures.checked) wanted.push("failed");
    const words = form.elements.words.value.toLocaleLowerCase().trim();
    let n = 0;
    for (const row of rows) {
      const fits = wanted.every((flag) => flags.get(row).has(flag)) && (!words || texts.get(row).includes(words));
      row.hidden = !fits;
      n += fits;
    }
    shown.textContent = `${n} of ${rows.length} shown`;
  };
  const reset = () => {
    form.reset();
    apply();
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("show-all").addEventListener("click", reset);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-show]");
    if (!link) return;
    event.preventDefault();
    form.reset();
    for (const flag of link.dataset.show.split(" ")) {
      if (flag === "failed") form.elements.failures.checked = true;
      for (const select of form.querySelectorAll("select"))
        if ([...select.options].some((option) => option.value === flag)) select.value = flag;
    }
    apply();
    const target = document.getElementById("questions");
    target.scrollIntoView();
    target.focus({ preventScroll: true });
  });
  const open = () => {
    const row = location.hash.startsWith("#q-") && document.getElementById(location.hash.slice(1));
    if (!row) return;
    if (row.hidden) reset();
    row.querySelector("details").open = true;
    row.scrollIntoView();
  };
  addEventListener("hashchange", open);
  apply();
  open();
})();
