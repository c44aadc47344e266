(() => {
  const script = document.currentScript;
  const url = new URL(script.dataset.url, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  // After a change, however much happens: milliseconds.
  const REST = 4000;
  let socket = null;
  let restsUntil = 0;

  // Looked for when it is pressed: Streamlit may draw it later than it runs this.
  const update = () => {
    script.closest('[class*="st-key-live-"]')?.querySelector("button")?.click();
  };

  // The server is stopping (RFC 6455, and IANA's registry of close codes).
  const GOING = [1001, 1012];

  // It ends when there is something new; or something wrong, which the page then says itself.
  const follow = () => {
    socket = new WebSocket(url);
    socket.onclose = (event) => {
      socket = null;
      restsUntil = Date.now() + REST;
      if (!GOING.includes(event.code)) update();
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
    if (!seen) leave();
    else if (socket === null && Date.now() >= restsUntil) follow();
    if (script.isConnected) return;
    clearInterval(timer);
    document.removeEventListener("visibilitychange", look);
  };

  const timer = setInterval(look, 1000);
  document.addEventListener("visibilitychange", look);
  look();
})();
