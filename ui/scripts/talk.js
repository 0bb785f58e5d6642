// The question, its answer, and the list of conversations.

const questionBox = () => document.querySelector("#question textarea, #question input");

// What is being written when the log-in ends is still there after the next one; and when the server comes back, at which
// gradio loads the page anew.
window.addEventListener("pagehide", () => {
  if (state.cutOff) sessionStorage.setItem("footnoted-draft", questionBox()?.value || "");
});
const bringBackDraft = () => {
  const draft = sessionStorage.getItem("footnoted-draft");
  sessionStorage.removeItem("footnoted-draft");
  if (draft && questionBox()) write(draft);
};

const kind = () => document.querySelector("#kinds [name=kind]:checked")?.value || null;

// A question: the one that was typed, an example, a better question, a retry, a region of the map.
const ask = (question, { isRetry = false, anyYear = false, what = kind(), only = state.only } = {}) => {
  if (state.busy) return;
  if (!question.trim() && !isRetry) {
    toast(said("nothing"));
    return;
  }
  closeLayers();
  setBusy(true);
  if (window.matchMedia("(pointer: fine)").matches) questionBox()?.focus({ preventScroll: true });
  const from = state.conversation;
  const asked = { question, retry: isRetry, request: { kind: what, only, any_year: anyYear } };
  listen("ask", asked, (message) => {
    if (!message.begins) return;
    const box = questionBox();
    if (box?.value === question) write("");
    if (state.conversation === from) shows(message.conversation);
    tellOtherTabs();
  });
};

const askTyped = () => ask(questionBox()?.value || "");

const write = (words) => {
  const box = questionBox();
  box.value = words;
  box.dispatchEvent(new Event("input", { bubbles: true })); // gradio's box keeps its own copy
};

// The first picture.
const told = (message) => {
  if (!message) return;
  state.conversation = message.conversation;
  if (message.conversation !== addressed()) history.replaceState(null, "", addressOf(message.conversation));
  apply(message);
  arrived();
  if (message.follow) follow();
};

const arrived = () => {
  document.body.classList.add("arrived");
  bringBackDraft();
  try {
    const only = JSON.parse(sessionStorage.getItem("footnoted-only") || "{}");
    if (Object.keys(only).length) act({ do: "narrow", only });
  } catch {
    sessionStorage.removeItem("footnoted-only");
  }
  if (location.hash.startsWith("#turn-")) goToClaim(location.hash.slice(1));
  else if (!narrow()) questionBox()?.focus({ preventScroll: true });
};

window.addEventListener("popstate", () => {
  const target = location.hash.slice(1);
  if (addressed() !== state.conversation) openConversation(addressed(), { push: false, target });
  else if (target.startsWith("turn-")) goToClaim(target);
});

const newConversation = () => openConversation(null);

// A title is renamed where it stands.
const rename = (id) => {
  const link = document.querySelector(`#list [data-open="${CSS.escape(id)}"]`);
  if (!link) return;
  closePopovers();
  const input = document.createElement("input");
  input.className = "rename";
  input.maxLength = 200;
  input.value = link.dataset.title;
  input.setAttribute("aria-label", said("rename_of", { title: link.dataset.title }));
  link.hidden = true;
  link.after(input);
  input.focus();
  input.select();
  let isOver = false;
  const end = (save) => {
    if (isOver) return;
    isOver = true;
    const title = input.value;
    input.remove();
    link.hidden = false;
    link.focus({ preventScroll: true });
    showWaitingList();
    if (save && title.trim() && title !== link.dataset.title) act({ do: "rename", id, title }).then(tellOtherTabs);
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) end(true);
    else if (event.key === "Escape") end(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  input.addEventListener("blur", () => end(true));
};

let searchTimer = 0;
const searchList = (words) => {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(() => act({ do: "list", search: words }), 150);
};

const importConversation = async (input) => {
  const file = input.files[0];
  input.value = "";
  if (!file) return;
  try {
    const reply = await fetch(`${address("import")}?language=${encodeURIComponent(state.language)}`, {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream" },
      body: file,
    });
    const message = await answered(reply);
    openConversation(message.conversation);
  } catch (error) {
    trouble(error);
  }
};
