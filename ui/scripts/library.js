// The library: papers searched, chosen, tagged and removed; files dropped anywhere on the page; the map.

let libraryTab = "papers";
const view = { first: 0 };

const openLibrary = async (tab = "papers") => {
  closePopovers();
  closeDialogs();
  closeDrawer();
  closeSheet();
  libraryTab = tab;
  const isOpen = state.view === "library";
  state.view = "library";
  document.body.classList.add("library-open");
  byId("library").hidden = false;
  byId("room").inert = true;
  if (!isOpen || !byId("library-list").hasChildNodes()) await act({ do: "library", ...view });
  showTab(tab);
};

const closeLibrary = () => {
  if (state.view !== "library") return false;
  state.view = "talk";
  document.body.classList.remove("library-open");
  byId("library").hidden = true;
  byId("room").inert = false;
  // The number of papers may have changed, and with it the empty page.
  if (!byId("turns").querySelector(".turn")) refresh();
  if (!narrow()) questionBox()?.focus({ preventScroll: true });
  return true;
};

const showTab = (tab) => {
  for (const one of all("#library [role=tab]")) {
    const isIt = one.dataset.tab === tab;
    one.setAttribute("aria-selected", String(isIt));
    one.tabIndex = isIt ? 0 : -1;
    byId(one.getAttribute("aria-controls")).hidden = !isIt;
  }
  document.querySelector(`#library [data-tab="${tab}"]`)?.focus({ preventScroll: true });
  if (tab === "statistics") act({ do: "map" });
};

document.addEventListener("keydown", (event) => {
  if (!(event.target instanceof Element) || !event.target.matches("[role=tab]")) return;
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = all("#library [role=tab]");
  const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
  libraryTab = next.dataset.tab;
  showTab(libraryTab);
});

// Papers

let paperTimer = 0;
const searchPapers = (form) => {
  clearTimeout(paperTimer);
  paperTimer = setTimeout(() => {
    Object.assign(view, { search: "", year: "", tag: "", source: "" }, Object.fromEntries(new FormData(form)), { first: 0 });
    act({ do: "papers", ...view }).then(showChosen);
  }, 150);
};

const chosen = () => all("#library [name=chosen]:checked").map((box) => box.value);
const showChosen = () => {
  const bar = byId("chosen-bar");
  if (!bar) return;
  const n = chosen().length;
  bar.hidden = n === 0;
  const count = bar.querySelector(".count");
  count.textContent = count.dataset.words.replace("{n}", n);
};

const changePapers = async (asked) => {
  await act({ ...asked, view });
  showChosen();
};

const askPapers = async (ids, question, what) => {
  await act({ do: "narrow", only: { paper_ids: ids } });
  if (question) return ask(question, { what: what || kind() });
  closeLibrary();
  questionBox()?.focus();
};

const askRegion = async (region, question) => {
  const message = await act({ do: "region", region });
  if (message) ask(question);
};

// Files

const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
let hovering = 0;
document.addEventListener("dragenter", (event) => {
  if (!carriesFiles(event) || !byId("drop")) return;
  if (!hovering++) document.body.classList.add("dragging");
});
document.addEventListener("dragleave", (event) => {
  if (carriesFiles(event) && hovering && !--hovering) document.body.classList.remove("dragging");
});
document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
document.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  hovering = 0;
  document.body.classList.remove("dragging");
  bring([...event.dataTransfer.files]);
});

// One after the other: the server reads them in turn anyway, and fifty at once would starve the questions.
const bring = async (files) => {
  if (!files.length) return;
  await openLibrary("add");
  for (const file of files) {
    const row = uploadRow(file.name);
    try {
      const reply = await upload(file, (percent) => row.say(said("uploading", { percent })));
      row.remove();
      apply(reply);
    } catch (error) {
      if (error instanceof Expired) return expired();
      row.fail(error instanceof Refused ? error.message : said("broken_off", { name: file.name }));
    }
  }
};

const upload = (file, progress) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${address("add")}?language=${encodeURIComponent(state.language)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
    request.upload.onprogress = ({ loaded, total }) => progress(Math.round((100 * loaded) / Math.max(total, 1)));
    request.onerror = () => reject(new TypeError("broken off"));
    request.onload = () => {
      if (request.status === 401) return reject(new Expired());
      let message;
      try {
        message = JSON.parse(request.responseText);
      } catch {
        return reject(new TypeError("broken off"));
      }
      if (request.status >= 400) reject(new Refused(message.error));
      else resolve(message);
    };
    request.send(file);
  });

const uploadRow = (name) => {
  const row = document.createElement("li");
  row.className = "file waiting";
  const head = document.createElement("div");
  head.className = "file-head";
  const title = document.createElement("span");
  title.className = "name";
  title.textContent = name;
  const words = document.createElement("span");
  words.className = "state";
  head.append(title, words);
  row.append(head);
  byId("uploads").prepend(row);
  return {
    say: (line) => (words.textContent = line),
    remove: () => row.remove(),
    fail: (line) => {
      row.className = "file failed";
      const sign = document.createElement("span");
      sign.className = "sign";
      sign.setAttribute("aria-hidden", "true");
      sign.textContent = "!";
      head.prepend(sign);
      const why = document.createElement("p");
      why.className = "why";
      why.textContent = line;
      words.textContent = said("failed");
      row.append(why);
    },
  };
};

// While files are on their way the rows are asked for again, and at the end all that counts papers.
let fileTimer = 0;
const watchFiles = (n) => {
  const before = state.adding;
  state.adding = n;
  clearTimeout(fileTimer);
  if (n) fileTimer = setTimeout(() => act({ do: "files" }), state.view === "library" ? 600 : 2000);
  else if (before) {
    if (state.view === "library") act({ do: "library", ...view });
    else if (!byId("turns").querySelector(".turn")) refresh();
  }
};
