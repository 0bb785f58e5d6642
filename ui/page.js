// Footnotes lead to the sentence that bears them and back; Enter sends.
// One listener of each kind on the document: the markup below it changes all the time.
(() => {
  "use strict";
  const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  const unfold = (element) => {
    for (let at = element; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  };

  const goTo = (elements) => {
    for (const lit of document.querySelectorAll(".lit")) lit.classList.remove("lit");
    const first = elements[0];
    if (!first) return;
    unfold(first);
    for (const element of elements) element.classList.add("lit");
    const target = first.tagName === "DETAILS" ? first.querySelector("summary") : first;
    if (target.tagName !== "SUMMARY") target.tabIndex = -1;
    target.focus({ preventScroll: true });
    first.scrollIntoView({ behavior: calm() ? "auto" : "smooth", block: first.tagName === "DETAILS" ? "start" : "center" });
  };

  const showCard = (cardId, claimId) => {
    const card = document.getElementById(cardId);
    if (!card) return;
    const marks = claimId ? [...card.querySelectorAll(`mark[data-claims~="${claimId}"]`)] : [];
    goTo(marks.length ? marks : [card]);
  };

  document.addEventListener("click", (event) => {
    const hit = event.target instanceof Element && event.target.closest("[data-card], [data-back], [data-retry], #ask, .example");
    if (!hit) return;
    if (hit.dataset.card) {
      event.preventDefault();
      showCard(hit.dataset.card, hit.dataset.claim);
    } else if (hit.dataset.back) {
      event.preventDefault();
      goTo([document.getElementById(hit.dataset.back)].filter(Boolean));
    } else if ("retry" in hit.dataset) {
      document.getElementById("retry")?.click();
    } else if (window.matchMedia("(pointer: fine)").matches) {
      // the button is about to give way to Stop: keep the focus near (a phone would raise its keyboard)
      document.querySelector("#question textarea")?.focus({ preventScroll: true });
    }
  });

  // Before gradio hears it (capture): it would send on shift-Enter too.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !(event.target instanceof Element)) return;
    if (!event.target.matches("#question textarea, #question input")) return;
    event.stopPropagation();
    if (event.shiftKey) return;
    event.preventDefault();
    document.getElementById("ask")?.click();
  }, true);

  // A new turn begins at the top of the view; after that the page stays where the reader left it.
  let turns = 0;
  new MutationObserver(() => {
    const all = document.querySelectorAll("#conversation .turn");
    if (all.length > turns && all.length > 1) {
      all[all.length - 1].scrollIntoView({ behavior: calm() ? "auto" : "smooth", block: "start" });
    } else if (all.length < turns && all.length === 0) {
      window.scrollTo({ top: 0 });
    }
    turns = all.length;
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
