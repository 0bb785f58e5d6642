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
  const box = questionBox();
  if (!draft || !box) return;
  box.value = draft;
  box.dispatchEvent(new Event("input", { bubbles: true }));
};

// A question that was not typed: an example, a better question, a retry, a region of the map.
let pending = null;

const ask = (question, more = {}) => {
  if (state.busy) return;
  closeLayers();
  pending = { question, ...more };
  byId("ask")?.click();
};

const kind = () => document.querySelector("#kinds [name=kind]:checked")?.value || null;

// Called by gradio when Ask is clicked: what goes to the server.
const asking = (typed) => {
  const given = pending || { question: typed || "" };
  pending = null;
  const context = {
    conversation: state.conversation,
    language: state.language,
    ticket: crypto.getRandomValues(new Uint32Array(2)).join("-"),
    retry: Boolean(given.retry),
    request: { kind: given.kind || kind(), only: given.only || state.only, any_year: Boolean(given.anyYear) },
  };
  if (state.busy) return ["", JSON.stringify({ ...context, ignore: true })];
  if (!given.question.trim() && !given.retry) {
    toast(said("nothing"));
    return ["", JSON.stringify({ ...context, ignore: true })];
  }
  setBusy(true);
  state.heard = performance.now();
  state.ticket = context.ticket;
  // Where nothing is heard of it, the small doors know why: the log-in has ended, or the server is gone.
  setTimeout(() => state.ticket === context.ticket && act({ do: "list" }), 1500);
  if (window.matchMedia("(pointer: fine)").matches) questionBox()?.focus({ preventScroll: true });
  return [given.question, JSON.stringify(context)];
};

const following = () => [JSON.stringify({ conversation: state.conversation, language: state.language })];

// What comes over the wire. The first that is heard of a question names its conversation; that may be a later one than
// the first that was sent, since what two answers tell at the same moment hides one of them.
const told = (message) => {
  if (!message) return;
  if (message.ticket && message.ticket === state.ticket) {
    state.ticket = null;
    if (message.from === state.conversation) {
      shows(message.conversation);
      if (!message.begins) refresh();
    }
    tellOtherTabs();
  }
  if (message.arrives) {
    state.conversation = message.conversation;
    if (message.conversation !== addressed()) history.replaceState(null, "", addressOf(message.conversation));
  }
  const isOver = state.busy && message.busy === false && message.conversation === state.conversation;
  if (message.refused) setBusy(false);
  apply(message);
  if (isOver) tellOtherTabs();
  if (message.arrives) arrived();
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
