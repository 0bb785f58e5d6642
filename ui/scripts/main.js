// Clicks, keys and forms: one listener of each kind for the whole page, since the markup below it changes.

const clicks = {
  new: newConversation,
  drawer: () => (closeDrawer() ? null : openDrawer()),
  library: (at) => openLibrary(at.dataset.tab || "papers"),
  "close-library": closeLibrary,
  settings: () => openDialog("settings"),
  help: () => openDialog("help"),
  "close-dialog": closeDialogs,
  evidence: (at) => {
    openSheet();
    const group = byId(`evidence-${at.dataset.turn}`);
    if (group) group.open = true;
    group?.scrollIntoView({ block: "start" });
    byId("evidence").querySelector(".sheet-close")?.focus({ preventScroll: true });
  },
  "close-evidence": closeSheet,
  question: () => questionBox()?.focus(),
  retry: () => ask("", { isRetry: true }),
  "any-year": (at) => ask(at.dataset.question, { anyYear: true }),
  rename: (at) => rename(at.dataset.id),
  delete: (at) => {
    closePopovers();
    remove(at.dataset.id);
  },
  mark: (at) => act({ do: "mark", ...at.dataset }),
  filter: async () => {
    await act({ do: "filter", only: state.only });
    byId("filter").showPopover();
  },
  "clear-filter": () => {
    closePopovers();
    act({ do: "narrow", only: {} });
  },
  "drop-filter": (at) => act({ do: "narrow", only: state.only, drop: at.dataset.name }),
  papers: (at) => {
    view.first = Number(at.dataset.first);
    act({ do: "papers", ...view }).then(() => byId("library-papers").scrollIntoView({ block: "start" }));
  },
  remove: (at) => changePapers({ do: "remove", paper_ids: [at.dataset.id] }),
  "remove-chosen": () => changePapers({ do: "remove", paper_ids: chosen() }),
  untag: (at) => changePapers({ do: "tag", paper_ids: [at.dataset.id], tag: at.dataset.tag, untag: true }),
  "ask-papers": (at) => askPapers(at.dataset.id ? [at.dataset.id] : chosen(), at.dataset.question, at.dataset.kind),
  "ask-region": (at) => askRegion(at.dataset.region, at.dataset.question),
  "cancel-file": (at) => act({ do: "cancel_file", file: at.dataset.file }),
  "dismiss-files": () => {
    byId("uploads").replaceChildren();
    act({ do: "dismiss_files" });
  },
};

const stop = () => act({ do: "stop" }).then(tellOtherTabs);

const remove = async (id) => {
  const isOpen = id === state.conversation;
  const message = await act({ do: "delete", id }, () => {});
  if (!message) return;
  if (isOpen) {
    byId("turns").replaceChildren();
    byId("evidence-groups").replaceChildren();
    shows(null);
  }
  apply(message);
  tellOtherTabs();
};

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (!target) return;
  const hit = target.closest(
    "[data-card], [data-back], [data-link], [data-open], [data-ask], [data-copy], [data-do]",
  );
  if (document.body.classList.contains("drawer-open") && !target.closest("#side, #drawer-button")) closeDrawer();
  if (target.closest("#ask")) askTyped();
  if (target.closest("#stop")) stop();
  if (!hit) return;
  const data = hit.dataset;
  const isPlain = !(event.metaKey || event.ctrlKey || event.shiftKey || event.button);
  if (hit.tagName === "A" && !isPlain) return; // a new tab or window
  if (data.card) {
    event.preventDefault();
    preview.hide();
    showCard(data.card, data.claim, hit.closest("#turns") ? hit : null);
  } else if (data.back) {
    event.preventDefault();
    goToClaim(data.back);
  } else if (data.link) {
    event.preventDefault();
    const link = new URL(`${addressOf(state.conversation)}#${data.link}`, location.href).href;
    history.replaceState(null, "", link);
    copyText(link, said("linked"));
  } else if (data.open) {
    event.preventDefault();
    openConversation(data.open);
  } else if (data.ask) {
    ask(data.ask);
  } else if (data.copy) {
    copyText(data.copy, said("copied"));
  } else if (data.do) {
    if (hit.tagName === "A") event.preventDefault();
    clicks[data.do]?.(hit);
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const kindOf = form.dataset.form;
  if (kindOf === "log-out") {
    event.preventDefault();
    fetch(address("log-out"), { method: "POST" }).then(() => location.assign(address("log-in")));
  }
  if (kindOf === "filter") {
    event.preventDefault();
    const only = { ...state.only, ...Object.fromEntries(new FormData(form)) };
    closePopovers();
    act({ do: "narrow", only });
  } else if (kindOf === "papers") {
    event.preventDefault();
    searchPapers(form);
  } else if (kindOf === "tag") {
    event.preventDefault();
    changePapers({ do: "tag", paper_ids: chosen(), tag: form.elements.tag.value });
  }
});

document.addEventListener("input", (event) => {
  const target = event.target;
  if (target.id === "list-search") searchList(target.value);
  else if (target.closest?.("form[data-form=papers]")) searchPapers(target.closest("form"));
});

document.addEventListener("change", (event) => {
  const target = event.target;
  if (target.id === "import") importConversation(target);
  else if (target.id === "files") {
    const files = [...target.files];
    target.value = "";
    bring(files);
  } else if (target.name === "chosen") showChosen();
});

const keys = {
  "/": () => questionBox()?.focus(),
  j: () => walk(1),
  k: () => walk(-1),
  o: openOrBack,
  n: newConversation,
  s: () => {
    if (getComputedStyle(byId("drawer-button")).display !== "none") openDrawer();
    byId("list-search")?.focus();
  },
  l: () => (state.view === "library" ? closeLibrary() : openLibrary()),
  v: () => settings.toggleVerifiedOnly(),
  "?": () => openDialog("help"),
};

// Before gradio hears it (capture): it would send on shift-Enter too.
document.addEventListener(
  "keydown",
  (event) => {
    const target = event.target;
    if (!(target instanceof Element) || event.isComposing) return;
    if (event.key === "Enter" && target.matches("#question textarea, #question input")) {
      event.stopPropagation();
      if (event.shiftKey) return;
      event.preventDefault();
      askTyped();
      return;
    }
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      if (target.matches("input.rename")) return;
      event.preventDefault();
      escape();
      return;
    }
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    if (target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]")) return;
    if (document.querySelector("dialog[open]")) return;
    const key = keys[event.key];
    if (!key) return;
    event.preventDefault();
    key();
  },
  true,
);

// A click beside a dialog closes it.
document.addEventListener("click", (event) => {
  if (event.target instanceof HTMLDialogElement) event.target.close();
});

window.footnoted = {
  // From the hidden component that the first picture comes through.
  connect: (watch, props) => watch("value", () => told(props.value)),
  arriving: () => [JSON.stringify({ conversation: addressed(), language: state.language })],
};
document.addEventListener("DOMContentLoaded", settings.theme);
