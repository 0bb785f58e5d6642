// What a reader chose for this browser: appearance, language, and whether all sentences are shown.

const settings = (() => {
  const read = (name, fallback) => localStorage.getItem(`footnoted-${name}`) || fallback;
  const write = (name, value) => localStorage.setItem(`footnoted-${name}`, value);

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const theme = () => {
    const wanted = read("theme", "system");
    const isDark = wanted === "dark" || (wanted === "system" && dark.matches);
    document.body?.classList.toggle("dark", isDark);
    document.documentElement.style.colorScheme = isDark ? "dark" : "light";
  };
  dark.addEventListener("change", theme);

  const verifiedOnly = () => read("verified-only", "no") === "yes";
  const setVerifiedOnly = (value) => {
    write("verified-only", value ? "yes" : "no");
    show();
  };

  const show = () => {
    theme();
    document.body.classList.toggle("verified-only", verifiedOnly());
    const box = byId("verified-only");
    if (box) box.checked = verifiedOnly();
    for (const radio of all("#settings [name=theme]")) radio.checked = radio.value === read("theme", "system");
  };

  document.addEventListener("change", (event) => {
    const target = event.target;
    if (target.id === "verified-only") setVerifiedOnly(target.checked);
    else if (target.name === "theme") {
      write("theme", target.value);
      show();
    } else if (target.id === "language") {
      write("language", target.value);
      state.language = target.value;
      arriveAgain();
    }
  });

  return {
    show,
    theme,
    setVerifiedOnly,
    toggleVerifiedOnly: () => setVerifiedOnly(!verifiedOnly()),
    isShown: (claim) => !verifiedOnly() || claim.classList.contains("supported"),
  };
})();

// The whole page in another language.
const arriveAgain = async () => {
  const message = await act({ do: "arrive" });
  if (!message) return;
  if (state.view === "library") openLibrary(libraryTab);
  if (Object.keys(state.only).length) act({ do: "narrow", only: state.only });
};
