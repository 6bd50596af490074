/* Numbers and times as text. What is not known is a dash; a sign is always written where it says profit or side. */

export const DASH = "–";
const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);
const formats = new Map();
const format = (digits) => {
  if (!formats.has(digits)) formats.set(digits, new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return formats.get(digits);
};

export const fixed = (value, digits = 2) => (known(value) ? format(digits).format(value).replace("-", "−") : DASH);
export const signed = (value, digits = 2) => {
  if (!known(value)) return DASH;
  const text = format(digits).format(Math.abs(value));
  return Number(value.toFixed(digits)) === 0 ? text : (value > 0 ? "+" : "−") + text;
};
export const profit = (value) => (!known(value) || Math.abs(value) < 0.005 ? "" : value > 0 ? "buy" : "sell");
export const percent = (share, digits = 2) => (known(share) ? `${format(digits).format(100 * share)} %` : DASH);

/* A small amount with all its digits, and no zeros at the end. */
export const amount = (value) => (known(value) ? (value.toFixed(8).replace(/\.?0+$/, "") || "0").replace("-", "−") : DASH);

/* A fixed-point integer as the venue writes it: 6000042 with 2 decimals is 60000.42. */
export const units = (value, decimals) => {
  if (!known(value)) return DASH;
  const text = typeof value === "bigint" ? bigText(value, decimals) : (value / 10 ** decimals).toFixed(decimals);
  return text.startsWith("-") ? `−${text.slice(1)}` : text;
};
const bigText = (value, decimals) => {
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, "0");
  const at = digits.length - decimals;
  return (value < 0n ? "-" : "") + digits.slice(0, at) + (decimals ? `.${digits.slice(at)}` : "");
};

export const rate = (value) => {
  if (!known(value)) return DASH;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M/s`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)}k/s`;
  return `${value >= 100 ? value.toFixed(0) : value.toFixed(1)}/s`;
};

export const duration = (ns) => {
  if (!known(ns)) return DASH;
  if (ns < 1e3) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(ns < 1e4 ? 1 : 0)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(ns < 1e7 ? 1 : 0)} ms`;
  return age(ns / 1e6);
};

export const age = (ms) => {
  if (!known(ms)) return DASH;
  if (ms < 10_000) return `${(Math.max(0, ms) / 1e3).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.floor(ms / 1e3)} s`;
  if (ms < 7_200_000) return `${Math.floor(ms / 60_000)} min`;
  return `${Math.floor(ms / 3_600_000)} h`;
};

export const clock = (ms, parts = 8) => (known(ms) && ms > 0 ? new Date(ms).toISOString().slice(11, 11 + parts) : DASH);
export const words = (name) => String(name).toLowerCase().replaceAll("_", " ");
export const sideWord = (side) => (side > 0 ? "buy" : "sell");
