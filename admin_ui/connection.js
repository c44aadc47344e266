// While the server is away, Streamlit shows a dialog for developers. People see a quiet
// "Reconnecting…" instead (style.css). Streamlit goes on trying by itself; where that does not
// help, as when the login has ended meanwhile, the page is loaded anew.
(() => {
  if (window.palEMailWatchesConnection) return;
  window.palEMailWatchesConnection = true;
  const LOST = "Connection error";
  // How often the server has to answer, while Streamlit does not get through: about six seconds.
  const ENOUGH = 3;
  let answers = 0;

  const isLost = () =>
    [...document.querySelectorAll(".stDialog h2")].some((title) => title.textContent === LOST);

  const look = () => {
    document.documentElement.classList.toggle("reconnecting", isLost());
  };

  const ask = async () => {
    if (!isLost()) {
      answers = 0;
      return;
    }
    try {
      const response = await fetch("/healthz", { cache: "no-store" });
      answers = response.ok ? answers + 1 : 0;
    } catch {
      answers = 0;
    }
    if (answers >= ENOUGH) location.reload();
  };

  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  setInterval(ask, 2000);
})();
