/* What is wrong with the layout: panels that overlap, that are cut off, too low or empty. */
(async () => {
  const panels = [...document.querySelectorAll(".panel")].filter((one) => one.offsetParent);
  const faults = [], empty = [];
  const boxes = panels.map((one) => [one.id, one.getBoundingClientRect()]);
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
  boxes.forEach(([one, box], at) => boxes.slice(at + 1).forEach(([two, other]) => {
    if (box.left < other.right - 1 && other.left < box.right - 1 && box.top < other.bottom - 1 && other.top < box.bottom - 1) faults.push(`${one} overlaps ${two}`);
  }));
  for (const panel of panels) {
    panel.scrollIntoView();
    const body = panel.querySelector(".body");
    const drawn = () => {
      const canvas = body.querySelector("canvas");
      if (!canvas) return body.innerText.trim() !== "" && !panel.querySelector(".plot");
      return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((one) => one);
    };
    const low = () => panel.getBoundingClientRect().height < 80; // a panel grows when its rows are drawn
    for (let frame = 0; frame < 300 && (low() || !drawn()); frame += 1) await new Promise(requestAnimationFrame);
    if (!drawn()) empty.push(panel.id);
    const box = panel.getBoundingClientRect();
    if (box.height < 80) faults.push(`${panel.id} is ${box.height} high`);
    const head = [...panel.querySelector("header").children].filter((one) => one.getBoundingClientRect().width);
    for (const one of head) if (one.getBoundingClientRect().right > box.right + 1) faults.push(`${panel.id}: its head is cut off`);
  }
  scrollTo(0, 0);
  return { faults, empty, panels: panels.map((one) => one.id) };
})()
