/* Keeps what the ladder shows at each sequence of the book, as text. */
(() => {
  const panel = document.getElementById("ladder");
  const cells = (side, at) => [...panel.querySelectorAll(`.${side} tr`)].map((row) => row.children[at].textContent);
  window.seen = new Map();
  const look = () => {
    const shown = { asks: cells("asks", 1).map((price, at) => [price, cells("asks", 2)[at]]).reverse(), bids: cells("bids", 1).map((price, at) => [price, cells("bids", 2)[at]]) };
    window.seen.set(panel.dataset.sequence, shown);
    requestAnimationFrame(look);
  };
  look();
})()
