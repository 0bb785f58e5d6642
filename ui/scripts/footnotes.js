// From a footnote to the sentence that bears it and back, and what a footnote shows before it is followed.

const unfold = (element) => {
  for (let at = element; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
};

const lightUp = (elements) => {
  for (const lit of all("[data-ui-lit]")) lit.removeAttribute("data-ui-lit");
  for (const element of elements) element.setAttribute("data-ui-lit", "");
};

const goTo = (elements) => {
  const first = elements[0];
  if (!first) return;
  unfold(first);
  lightUp(elements);
  const target = first.tagName === "DETAILS" ? first.querySelector("summary") : first;
  target.focus({ preventScroll: true });
  const block = first.tagName === "DETAILS" ? "start" : "center";
  first.scrollIntoView({ behavior: calm() ? "auto" : "smooth", block });
};

const marksOf = (card, claim) => (claim ? all(`mark[data-claims~="${CSS.escape(claim)}"]`, card) : []);

// The sentence that a footnote points to, in its paper's card.
const showCard = (cardId, claim, from) => {
  const card = byId(cardId);
  if (!card) return;
  state.place = from || null;
  openSheet();
  const marks = marksOf(card, claim);
  unfold(card);
  goTo(marks.length ? marks : [card]);
};

const goToClaim = (id) => {
  const claim = byId(id);
  if (!claim) return;
  closeSheet();
  if (claim.classList.contains("claim") && !settings.isShown(claim)) settings.setVerifiedOnly(false);
  goTo([claim]);
};

// j and k walk through the footnotes, o goes to the sentence and back.
const footnotes = () => all("#turns .marker[data-card], #turns .marker.missing").filter((one) => one.offsetParent);
const walk = (step) => {
  const there = footnotes();
  if (!there.length) return;
  const from = there.indexOf(document.activeElement);
  const last = there.indexOf(state.place);
  let next;
  if (from >= 0) next = from + step;
  else if (last >= 0) next = last;
  else next = step > 0 ? 0 : there.length - 1;
  const marker = there[Math.max(0, Math.min(next, there.length - 1))];
  lightUp([]);
  marker.focus({ preventScroll: true });
  marker.scrollIntoView({ behavior: calm() ? "auto" : "smooth", block: "nearest" });
};
const openOrBack = () => {
  const at = document.activeElement;
  if (at?.dataset.card) return showCard(at.dataset.card, at.dataset.claim, at);
  if (at?.closest("#evidence")) {
    if (state.place?.isConnected) {
      closeSheet();
      lightUp([]);
      state.place.focus({ preventScroll: true });
      state.place.scrollIntoView({ behavior: calm() ? "auto" : "smooth", block: "nearest" });
      return;
    }
    const mark = at.closest("mark") || at.closest(".card")?.querySelector("mark");
    if (mark) goToClaim(mark.dataset.claims.split(" ")[0]);
  }
};

// The preview: title and sentence beside the footnote that is pointed at or focused.
const preview = (() => {
  let shownFor = null;
  const fill = (marker) => {
    const card = byId(marker.dataset.card);
    const place = byId("preview");
    if (!card || !place) return false;
    const title = document.createElement("strong");
    title.textContent = card.querySelector("h3 bdi")?.textContent || "";
    const verdict = document.createElement("span");
    verdict.className = `verdict ${[...marker.classList].find((name) => name in signs) || ""}`;
    verdict.textContent = (marker.getAttribute("aria-label") || "").split(", ").pop();
    const sentence = marksOf(card, marker.dataset.claim).map((mark) => mark.textContent).join("");
    const quote = document.createElement("q");
    quote.dir = "auto";
    quote.textContent = sentence;
    place.replaceChildren(title, verdict, ...(sentence ? [quote] : []));
    return true;
  };
  const signs = { supported: 1, partial: 1, contradicted: 1, unsupported: 1, uncited: 1, unchecked: 1 };
  const show = (marker) => {
    if (marker === shownFor || !fill(marker)) return;
    shownFor = marker;
    const place = byId("preview");
    place.hidden = false;
    const at = marker.getBoundingClientRect();
    const own = place.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left, innerWidth - own.width - 8));
    const above = at.top - own.height - 8;
    place.style.left = `${left}px`;
    place.style.top = `${above > 8 ? above : at.bottom + 8}px`;
    marker.setAttribute("aria-describedby", "preview");
  };
  const hide = () => {
    if (!shownFor) return;
    shownFor.removeAttribute("aria-describedby");
    shownFor = null;
    byId("preview").hidden = true;
  };
  return { show, hide, isShown: () => shownFor !== null };
})();

const markerAt = (target) =>
  target instanceof Element ? target.closest("#turns .marker[data-card]") : null;
document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch") return;
  const marker = markerAt(event.target);
  if (marker) preview.show(marker);
  else if (!markerAt(document.activeElement)) preview.hide();
});
document.addEventListener("focusin", (event) => {
  const marker = markerAt(event.target);
  if (marker && marker.matches(":focus-visible")) preview.show(marker);
  else preview.hide();
});
document.addEventListener("scroll", () => preview.hide(), true);
