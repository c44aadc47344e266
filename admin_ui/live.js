(() => {
  const script = document.currentScript;
  const url = new URL(script.dataset.url, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  let socket = null;

  // Looked for when it is pressed: Streamlit may draw it later than it runs this.
  const update = () => {
    script.closest('[class*="st-key-live-"]')?.querySelector("button")?.click();
  };

  const follow = () => {
    socket = new WebSocket(url);
    socket.onmessage = update;
    // The page then says itself what is wrong, if anything is.
    socket.onclose = () => {
      socket = null;
      update();
    };
  };

  const leave = () => {
    if (socket === null) return;
    socket.onclose = null;
    socket.close();
    socket = null;
  };

  // A tab that nobody sees is not told; it catches up once it is seen again.
  const look = () => {
    const seen = script.isConnected && document.visibilityState === "visible";
    if (seen && socket === null) follow();
    if (!seen) leave();
    if (script.isConnected) return;
    clearInterval(timer);
    document.removeEventListener("visibilitychange", look);
  };

  const timer = setInterval(look, 4000);
  document.addEventListener("visibilitychange", look);
  look();
})();
