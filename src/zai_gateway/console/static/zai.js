// The console's one script: copying, moments in the reader's zone, dialogs, and what must not be sent twice.
"use strict";

(() => {
  const all = (root, selector) =>
    [...(root.matches?.(selector) ? [root] : []), ...root.querySelectorAll(selector)];

  // Moments are written in UTC by the server, and told in the reader's own zone and way of writing.
  const shown = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const ago = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const tellMoment = (element) => {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    const seconds = (moment.getTime() - Date.now()) / 1000;
    const steps = [[60, 1, "second"], [3600, 60, "minute"], [86400, 3600, "hour"], [604800, 86400, "day"]];
    const step = steps.find(([most]) => Math.abs(seconds) < most);
    element.textContent = step ? ago.format(Math.round(seconds / step[1]), step[2]) : shown.format(moment);
    element.title = exact.format(moment);
  };

  const copy = async (button) => {
    const text = button.dataset.copies;
    let copied = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Browsers keep the clipboard from pages that came without TLS.
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "visually-hidden";
      button.after(area);
      area.select();
      copied = document.execCommand("copy");
      area.remove();
      button.focus();
    }
    const label = button.querySelector("span") ?? button;
    const before = button.dataset.label ?? label.textContent;
    button.dataset.label = before;
    label.textContent = copied ? "Copied" : "Select and copy it";
    setTimeout(() => { label.textContent = before; }, 2000);
  };

  const narrow = matchMedia("(max-width: 860px)");
  const foldMenus = () => {
    for (const menu of document.querySelectorAll("details[data-open-when-wide]")) menu.open = !narrow.matches;
  };

  const openMenus = () => [...document.querySelectorAll("details.menu[open]")]
    .filter((menu) => narrow.matches || menu.dataset.openWhenWide === undefined);

  const prepare = (root) => {
    for (const element of all(root, "time[data-moment]")) tellMoment(element);
    for (const element of all(root, "[data-focus]")) {
      // Once: the reader may be typing elsewhere when another part of the page is replaced.
      element.removeAttribute("data-focus");
      element.focus();
    }
    for (const element of all(root, "[data-passing]")) {
      if (!element.querySelector("form")) setTimeout(() => element.remove(), 8000);
    }
  };

  const chosenTheme = () => document.documentElement.dataset.theme
    || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-copies], [data-closes], [data-opens], [data-theme-switch]");
    for (const menu of openMenus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    if (!target) return;
    if (target.dataset.copies !== undefined) copy(target);
    if (target.dataset.closes) {
      const closed = target.closest(target.dataset.closes);
      if (closed instanceof HTMLDialogElement) closed.close();
      else closed?.remove();
    }
    if (target.dataset.opens) document.querySelector(target.dataset.opens)?.showModal();
    if (target.dataset.themeSwitch !== undefined) {
      const theme = chosenTheme() === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = theme;
      document.cookie = `zai_theme=${theme}; path=/; max-age=31536000; samesite=lax`;
      document.dispatchEvent(new CustomEvent("zai:theme"));
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // A question before what cannot be taken back, and each form is sent once.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.confirm && form.dataset.confirmed === undefined) {
      event.preventDefault();
      ask(form.dataset.confirm, event.submitter, () => {
        form.dataset.confirmed = "";
        form.requestSubmit(event.submitter);
      });
      return;
    }
    if (form.method.toLowerCase() !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent !== undefined) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "";
    event.submitter?.setAttribute("aria-disabled", "true");
  });
  // A page that comes back from the browser's memory may be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
    }
  });

  const ask = (question, submitter, agreed) => {
    const dialog = document.createElement("dialog");
    const text = document.createElement("p");
    text.textContent = question;
    text.id = "asked";
    dialog.setAttribute("aria-labelledby", "asked");
    const foot = document.createElement("div");
    foot.className = "form-foot";
    const yes = document.createElement("button");
    yes.className = "button primary danger";
    yes.textContent = submitter?.textContent.trim() || "Yes";
    const no = document.createElement("button");
    no.className = "button";
    no.textContent = "Cancel";
    foot.append(yes, no);
    dialog.append(text, foot);
    document.body.append(dialog);
    yes.addEventListener("click", () => { dialog.close(); agreed(); });
    no.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { dialog.remove(); submitter?.focus(); });
    dialog.showModal();
    no.focus();
  };

  // What was a minute ago is soon an hour ago.
  setInterval(() => { for (const element of all(document, "time[data-moment]")) tellMoment(element); }, 15000);

  narrow.addEventListener("change", foldMenus);
  document.addEventListener("DOMContentLoaded", () => { foldMenus(); prepare(document); });
  document.addEventListener("htmx:after:swap", (event) => prepare(event.detail?.ctx?.target ?? document));
  document.addEventListener("htmx:after:settle", () => prepare(document));
})();
