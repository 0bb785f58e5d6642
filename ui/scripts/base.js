// What every other script stands on: the page's state, calls to the server, and short notices.

const state = {
  conversation: null, // the one that is shown
  language: localStorage.getItem("footnoted-language") || navigator.languages.join(","),
  only: {}, // the papers asked, as the server gave them
  busy: false,
  adding: 0,
  texts: {},
  view: "talk",
  place: null, // the footnote or sentence that was gone to last
  heard: 0, // when the server last spoke of the answer under way
  cutOff: false, // the server was gone, or the log-in has ended: this page may soon be loaded anew
};

const byId = (id) => document.getElementById(id);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const narrow = () => window.matchMedia("(max-width: 860px)").matches;
const said = (name, values = {}) =>
  (state.texts[name] || "").replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole));

// The page may lie under a path prefix, with or without a slash behind it.
const base = location.pathname.endsWith("/") ? location.pathname : `${location.pathname}/`;
const address = (path) => `${base}footnoted/${path}`;

class Refused extends Error {}
class Expired extends Error {}

const post = (path, asked, more = {}) =>
  fetch(address(path), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ conversation: state.conversation, language: state.language, ...asked }),
    ...more,
  });

const call = async (asked) => answered(await post("do", asked));

const answered = async (reply) => {
  if (reply.status === 401) throw new Expired();
  const message = await reply.json().catch(() => null);
  if (message === null) throw new TypeError(`the server said ${reply.status}`);
  if (!reply.ok) throw new Refused(message.error);
  return message;
};

// Does what a click asks for, and shows what comes of it or why nothing did.
const act = async (asked, show = apply) => {
  try {
    const message = await call(asked);
    online();
    show(message);
    return message;
  } catch (error) {
    trouble(error);
    return null;
  }
};

const trouble = (error) => {
  if (error instanceof Expired) expired();
  else if (error instanceof Refused) toast(error.message, null, true);
  else if (error instanceof TypeError) offline();
  else throw error;
};

// Notices

let toastTimer = 0;
const toast = (line, undo = null, isError = false) => {
  const place = byId("toast");
  if (!place) return;
  place.replaceChildren();
  const words = document.createElement("span");
  words.textContent = line;
  place.append(words);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = said("undo");
    button.addEventListener("click", () => {
      place.hidden = true;
      act(undo, (message) => (undo.reopen ? openConversation(undo.id) : apply(message)));
    });
    place.append(button);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "close";
  close.setAttribute("aria-label", said("close"));
  close.textContent = "×";
  close.addEventListener("click", () => (place.hidden = true));
  place.append(close);
  place.classList.toggle("error", isError);
  place.hidden = false;
  clearTimeout(toastTimer);
  const hide = () => {
    // Whoever points at it, or has come to it with the keyboard, is not done with it.
    if (place.matches(":hover, :focus-within")) toastTimer = setTimeout(hide, 2000);
    else place.hidden = true;
  };
  toastTimer = setTimeout(hide, isError || undo ? 12000 : 4000);
};

const say = (line) => {
  const place = byId("spoken");
  if (place && place.textContent !== line) place.textContent = line;
};

// The server is gone for a while: what is here stays, and the page asks again until it is back.
let pinging = 0;
const banner = (line, link = "") => {
  const place = byId("banner");
  if (!place) return;
  place.replaceChildren(line);
  if (link) {
    const a = document.createElement("a");
    a.href = link;
    a.textContent = said("log_in");
    place.append(" ", a);
  }
  place.hidden = !line;
};
const offline = () => {
  state.cutOff = true;
  banner(said("offline"));
  if (pinging) return;
  pinging = setInterval(async () => {
    try {
      await call({ do: "list" });
    } catch (error) {
      if (!(error instanceof Expired)) return;
    }
    online();
    toast(said("online"));
    refresh();
  }, 2000);
};
const online = () => {
  if (!pinging) return;
  clearInterval(pinging);
  pinging = 0;
  banner("");
};
const expired = () => {
  state.cutOff = true;
  setBusy(false);
  banner(said("expired"), `${address("log-in")}?next=${encodeURIComponent(location.search + location.hash)}`);
};

const copyText = async (words, done) => {
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    // Without a secure connection there is no clipboard but this one.
    const area = document.createElement("textarea");
    area.value = words;
    area.style.position = "fixed";
    document.body.append(area);
    area.select();
    const worked = document.execCommand("copy");
    area.remove();
    if (!worked) return toast(said("no_copy"), null, true);
  }
  toast(done);
};
