// Pages of API keys: finding models in the list to choose from, and not leaving a new key unsaved.
"use strict";

(() => {
  // The patterns of allowlists, as Python's fnmatch reads them.
  const asExpression = (pattern) => {
    const escaped = pattern.replace(/[.+^${}()|\\\]]/g, "\\$&").replace(/\[(?![^[]*\\\])/g, "\\[");
    const classes = escaped.replace(/\[(!?)([^[]*?)\\\]/g, (_, not, inside) => `[${not ? "^" : ""}${inside}]`);
    try {
      return new RegExp(`^${classes.replace(/\*/g, "[^]*").replace(/\?/g, "[^]")}$`);
    } catch {
      return null;
    }
  };

  const pick = (picker) => {
    const search = picker.querySelector("[data-picker-search]");
    const patterns = picker.querySelector("[data-picker-patterns]");
    const count = picker.querySelector("[data-picker-count]");
    const none = picker.querySelector("[data-picker-none]");
    const rows = [...picker.querySelectorAll("[data-model]")];
    if (!search) return;

    const find = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of rows) {
        row.hidden = !words.every((word) => row.dataset.model.toLowerCase().includes(word));
      }
      for (const group of picker.querySelectorAll("[data-picker-group]")) {
        group.hidden = !group.querySelector("[data-model]:not([hidden])");
      }
      none.hidden = rows.some((row) => !row.hidden);
    };
    const tell = () => {
      const expressions = patterns.value.split(/[\s,]+/).filter(Boolean).map(asExpression).filter(Boolean);
      let allowed = 0;
      for (const row of rows) {
        const byPattern = expressions.some((each) => each.test(row.dataset.model));
        row.classList.toggle("is-matched", byPattern);
        if (byPattern || row.querySelector("input").checked) allowed += 1;
      }
      count.textContent = `${allowed} of ${rows.length} allowed`;
    };

    search.hidden = false;
    search.addEventListener("input", find);
    search.addEventListener("keydown", (event) => {
      // It only looks: the form is not to be sent by it.
      if (event.key === "Enter") event.preventDefault();
    });
    patterns.addEventListener("input", tell);
    picker.addEventListener("change", tell);
    tell();
  };

  const guard = (section) => {
    const saved = section.querySelector("[data-saved]");
    const warn = (event) => event.preventDefault();
    addEventListener("beforeunload", warn);
    saved.addEventListener("change", () => {
      if (saved.checked) removeEventListener("beforeunload", warn);
      else addEventListener("beforeunload", warn);
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const picker of document.querySelectorAll("[data-picker]")) pick(picker);
    for (const section of document.querySelectorAll("[data-unsaved]")) guard(section);
  });
})();
