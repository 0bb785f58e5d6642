// What the server tells, put where it belongs.

const channel = "BroadcastChannel" in window ? new BroadcastChannel("footnoted") : null;

const setBusy = (busy) => {
  state.busy = busy;
  document.body.classList.toggle("busy", busy);
};

const apply = (message) => {
  if (!message) return;
  const isOther = "conversation" in message && message.conversation !== state.conversation;
  if (isOther) {
    // An answer of a conversation that was left: only the list may show it.
    if (message.inner?.list) showList(message.inner.list);
    return;
  }
  if (message.language) {
    state.language = message.language;
    document.documentElement.lang = message.language;
  }
  if (message.texts) state.texts = message.texts;
  if (message.only) {
    state.only = message.only;
    sessionStorage.setItem("footnoted-only", JSON.stringify(state.only));
  }
  for (const [id, markup] of Object.entries(message.inner || {})) {
    if (id === "list") showList(markup);
    else if (byId(id)) morph.inner(byId(id), markup);
  }
  for (const [id, markup] of Object.entries(message.outer || {})) showElement(id, markup);
  if ("title" in message) document.title = message.title ? `${message.title} · footnoted` : "footnoted";
  if ("busy" in message) setBusy(message.busy);
  if ("status" in message) showStatus(message.status);
  if ("say" in message) say(message.say);
  if (message.question) showQuestion(message.question);
  if (message.error) toast(message.error, null, true);
  else if (message.toast) toast(message.toast, message.undo || null);
  if ("adding" in message) watchFiles(message.adding);
  state.heard = performance.now();
  settings.show();
};

// While a title is being written or a menu is open, the list waits: what changes its place would close.
let waitingList = null;

const showList = (markup) => {
  const isHeld = byId("list").querySelector("input.rename, :popover-open");
  waitingList = isHeld ? markup : null;
  if (!isHeld) morph.inner(byId("list"), markup);
  markCurrent();
};

const showWaitingList = () => {
  if (waitingList !== null) showList(waitingList);
};

const markCurrent = () => {
  for (const link of all("#list [data-open]")) {
    if (link.dataset.open === state.conversation) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
};

const showElement = (id, markup) => {
  const there = byId(id);
  if (there) return morph.outer(there, markup);
  const made = morph.made(markup);
  if (!made) return;
  if (id.startsWith("turn-")) {
    for (const welcome of all("#turns > .welcome")) welcome.remove();
    byId("turns").append(made);
    // At once: a smooth scroll would be broken off by the first words, which come while it is under way.
    if (all("#turns > .turn").length > 1) made.scrollIntoView({ block: "start" });
  } else if (id.startsWith("evidence-")) {
    byId("evidence-none")?.remove();
    for (const older of all("#evidence-groups > .group")) older.open = false;
    byId("evidence-groups").prepend(made);
    byId("evidence").scrollTop = 0;
  }
};

const showStatus = (line) => {
  const place = byId("status");
  if (place.textContent !== line) place.textContent = line;
};

const showQuestion = ({ label, placeholder, enabled, ask, stop }) => {
  const box = questionBox();
  if (!box) return;
  box.setAttribute("aria-label", label);
  const written = box.closest("#question").querySelector("[data-testid=block-info]"); // gradio's own, for screen readers
  if (written) written.textContent = label;
  box.placeholder = placeholder;
  box.disabled = !enabled;
  byId("ask").disabled = !enabled;
  byId("ask").textContent = ask;
  byId("stop").textContent = stop;
};

// Which conversation is shown

const addressOf = (conversation) => (conversation ? `${base}?c=${encodeURIComponent(conversation)}` : base);
const addressed = () => new URLSearchParams(location.search).get("c");

const shows = (conversation, { push = true } = {}) => {
  if (conversation === state.conversation) return;
  state.conversation = conversation;
  if (push) history.pushState(null, "", addressOf(conversation));
  markCurrent();
};

const openConversation = async (conversation, { push = true, target = "" } = {}) => {
  closeLayers();
  const message = await act({ do: "open", conversation }, () => {});
  if (!message) return;
  if (message.conversation !== state.conversation) {
    byId("turns").replaceChildren();
    byId("evidence-groups").replaceChildren();
    byId("talk-scroll").scrollTop = 0;
  }
  shows(message.conversation, { push });
  apply(message);
  if (message.follow) follow();
  if (target) goToClaim(target);
  else if (!narrow()) questionBox()?.focus({ preventScroll: true });
};

// As it is on the server: after the server was away, or another tab has changed it.
const refresh = async () => {
  const message = await act({ do: "open" }, () => {});
  if (!message) return;
  shows(message.conversation, { push: false });
  apply(message);
  if (message.follow) follow();
};

// Answers under way, each over a connection of its own, by conversation.
const heard = new Map();

// Asks at a door and shows what is told there, message by message; `first` hears each before it is shown.
const listen = async (path, asked, first = () => {}) => {
  const line = { control: new AbortController() };
  if (asked.question === undefined) heard.set(state.conversation, line);
  state.heard = performance.now();
  let isOver = false;
  try {
    const reply = await post(path, asked, { signal: line.control.signal });
    if (!reply.ok) await answered(reply);
    online();
    for await (const message of messages(reply)) {
      if (message.begins) heard.set(message.conversation, line);
      first(message);
      isOver = message.busy === false;
      apply(message);
    }
    if (isOver) tellOtherTabs();
    else refresh();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error instanceof Refused) setBusy(false);
    trouble(error);
  } finally {
    for (const [conversation, its] of heard) if (its === line) heard.delete(conversation);
  }
};

async function* messages(reply) {
  if (!reply.body) return;
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

const follow = () => {
  if (!heard.has(state.conversation)) listen("follow", {});
};

// An answer of which nothing is heard any more: the connection may have broken unnoticed.
setInterval(() => {
  if (state.busy && performance.now() - state.heard > 8000) {
    state.heard = performance.now();
    heard.get(state.conversation)?.control.abort();
    heard.delete(state.conversation);
    refresh();
  }
}, 2000);

if (channel) {
  channel.onmessage = ({ data }) => {
    if (data.conversation && data.conversation === state.conversation) refresh();
    else act({ do: "list" });
  };
}
const tellOtherTabs = () => channel?.postMessage({ conversation: state.conversation });
