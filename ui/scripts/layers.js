// What lies over the conversation: the drawer, the sheet, dialogs, menus, the library.

const openDrawer = () => {
  document.body.classList.add("drawer-open");
  byId("drawer-button")?.setAttribute("aria-expanded", "true");
  byId("side").querySelector("button, a, input")?.focus({ preventScroll: true });
};
const closeDrawer = ({ focus = false } = {}) => {
  if (!document.body.classList.contains("drawer-open")) return false;
  document.body.classList.remove("drawer-open");
  byId("drawer-button")?.setAttribute("aria-expanded", "false");
  if (focus) byId("drawer-button")?.focus({ preventScroll: true });
  return true;
};

// On a phone the evidence is a sheet at the bottom; elsewhere it is always there.
const openSheet = () => narrow() && document.body.classList.add("sheet-open");
const closeSheet = () => {
  const was = document.body.classList.contains("sheet-open");
  document.body.classList.remove("sheet-open");
  return was;
};

const openDialog = (name) => {
  const dialog = byId(name);
  if (dialog && !dialog.open) dialog.showModal();
};
const closeDialogs = () => {
  const open = all("dialog[open]");
  for (const dialog of open) dialog.close();
  return open.length > 0;
};

const closePopovers = () => {
  const open = all("[popover]").filter((one) => one.matches(":popover-open"));
  for (const one of open) one.hidePopover();
  return open.length > 0;
};

const closeLayers = () => {
  closePopovers();
  closeDialogs();
  closeDrawer();
  closeSheet();
  closeLibrary();
};

// Escape closes what lies on top, one thing at a time; with nothing open it stops the answer.
const escape = () => {
  if (preview.isShown()) return preview.hide();
  if (closePopovers() || closeDrawer({ focus: true })) return;
  if (closeSheet()) {
    if (state.place?.isConnected) state.place.focus({ preventScroll: true });
    return;
  }
  if (closeLibrary()) return;
  if (state.busy) stop();
};

// A menu stands under the button that opened it.
document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target;
    if (!(menu instanceof HTMLElement) || !menu.matches("[popover]")) return;
    if (event.newState !== "open") return showWaitingList();
    const button = document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`) || byId(`${menu.id}-button`);
    if (!button) return;
    const at = button.getBoundingClientRect();
    const own = menu.getBoundingClientRect();
    const below = at.bottom + 6 + own.height <= innerHeight;
    menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - own.width - 8))}px`;
    menu.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - own.height - 6)}px`;
    menu.querySelector("button, a, input, select")?.focus({ preventScroll: true });
  },
  true,
);
