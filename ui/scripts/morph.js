// New markup over old, changing only what differs: what is open stays open, what is focused or
// selected stays so, and nothing jumps. Elements are the same if their ids are.

const morph = (() => {
  const parse = (markup) => {
    const template = document.createElement("template");
    template.innerHTML = markup;
    return template.content;
  };

  const same = (one, other) =>
    one.nodeType === other.nodeType &&
    one.nodeName === other.nodeName &&
    (one.nodeType !== Node.ELEMENT_NODE || (one.id || "") === (other.id || ""));

  const attributes = (from, to) => {
    for (const { name } of [...from.attributes]) {
      // "open" is the reader's once the element is there, and data-ui-* belongs to these scripts.
      if (to.hasAttribute(name) || name.startsWith("data-ui-") || (name === "open" && from.tagName === "DETAILS")) continue;
      from.removeAttribute(name);
    }
    for (const { name, value } of [...to.attributes]) {
      if (name === "open" && from.tagName === "DETAILS") continue;
      if (from.getAttribute(name) === value) continue;
      // The server asks for a card to be opened once, when it is cited.
      if (name === "data-open") from.open = true;
      from.setAttribute(name, value);
    }
  };

  const children = (from, to) => {
    const known = new Map();
    for (const child of from.children) if (child.id) known.set(child.id, child);
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const keyed = wanted.id ? known.get(wanted.id) : null;
      if (keyed && keyed.nodeName === wanted.nodeName) {
        if (keyed !== at) from.insertBefore(keyed, at);
        else at = at.nextSibling;
        node(keyed, wanted);
      } else if (at && same(at, wanted) && !wanted.id) {
        const next = at.nextSibling;
        node(at, wanted);
        at = next;
      } else {
        from.insertBefore(wanted, at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  const node = (from, to) => {
    if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    if (from.isEqualNode(to)) return;
    attributes(from, to);
    // What a person is typing is theirs.
    if (from.matches("input, textarea, select") && from === document.activeElement) return;
    children(from, to);
  };

  // Whatever the reader looks at in a scrolled box stays where it is when something above it grows.
  const steady = (box, change) => {
    const scroller = box.closest("[data-scroller]");
    if (!scroller || scroller.scrollTop < 4) return change();
    const top = scroller.getBoundingClientRect().top;
    const anchor = all("[id]", box).find((one) => {
      const place = one.getBoundingClientRect();
      return place.height > 0 && place.top >= top;
    });
    const before = anchor ? anchor.getBoundingClientRect().top : 0;
    change();
    const moved = anchor && anchor.isConnected ? anchor.getBoundingClientRect().top - before : 0;
    // Setting it, even to what it is, would end a smooth scroll that is under way.
    if (moved) scroller.scrollTop += moved;
  };

  return {
    inner: (element, markup) => steady(element, () => children(element, parse(markup))),
    outer: (element, markup) => {
      const wanted = parse(markup).firstElementChild;
      if (wanted) steady(element.parentElement, () => node(element, wanted));
    },
    made: (markup) => parse(markup).firstElementChild,
  };
})();
