(() => {
  const SECOND = 1000;
  const EVERY = 1.5 * SECOND;
  // Where much happens all the time, a tab is drawn no more often than this.
  const REST = 4 * SECOND;

  const script = document.currentScript;
  let timer;
  let asking = false;

  // No answer counts as a change: the page then says itself what is wrong.
  const changed = async () => {
    try {
      const response = await fetch(script.dataset.url, { cache: "no-store" });
      return !response.ok || (await response.json());
    } catch {
      return true;
    }
  };

  const look = async () => {
    if (asking) return;
    clearTimeout(timer);
    if (!script.isConnected) {
      document.removeEventListener("visibilitychange", look);
      return;
    }
    // A tab that nobody sees asks nothing; it does once it is seen again.
    if (document.visibilityState !== "visible") return;
    asking = true;
    const again = await changed();
    asking = false;
    // Looked for now: Streamlit may draw it later than it runs this.
    if (again) script.closest('[class*="st-key-live-"]')?.querySelector("button")?.click();
    timer = setTimeout(look, again ? REST : EVERY);
  };

  document.addEventListener("visibilitychange", look);
  timer = setTimeout(look, EVERY);
})();
