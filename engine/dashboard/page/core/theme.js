/* Dark or light: as the system says, until a user switches. */

import { repaint } from "./plot.js";

const KEY = "steelyard-theme";
const system = matchMedia("(prefers-color-scheme: light)");

const stored = () => { try { return localStorage.getItem(KEY); } catch { return null; } }; // storage may be forbidden; then a switch lasts as long as the page
let chosen = stored();

const apply = () => {
  document.documentElement.dataset.theme = chosen ?? (system.matches ? "light" : "dark");
  repaint();
};

export const followSystem = () => { apply(); system.addEventListener("change", apply); };

export const switchTheme = () => {
  chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem(KEY, chosen); } catch { /* it is not kept */ }
  apply();
};
