/* Points over time, in the order of their time, thinned to what a chart can show.

Points are appended and never changed. `thinned` returns at most one bucket for each pixel of the range: its time, the lowest of `low` and the highest of `high` in it, so that no extreme is lost. Buckets are kept between calls: a further call reads only the points that are new. */

export const MOST = 1 << 17;

export class Series {
  constructor(most = MOST) {
    this.most = most;
    this.at = new Float64Array(1024);
    this.low = new Float64Array(1024);
    this.high = new Float64Array(1024);
    this.length = 0;
    this.removed = 0; // points that were dropped at the beginning, in the life of the series
    this.kept = null;
  }

  append(at, low, high) {
    if (this.length && at < this.at[this.length - 1]) return; // a clock that was set back: its points are refused until it has caught up
    if (this.length === this.at.length) this.#makeRoom();
    this.at[this.length] = at;
    this.low[this.length] = low;
    this.high[this.length] = high;
    this.length += 1;
  }

  get last() { return this.length ? this.at[this.length - 1] : null; }

  #makeRoom() {
    const drop = this.length >= this.most ? this.most >> 2 : 0;
    for (const part of ["at", "low", "high"]) {
      const old = this[part];
      if (drop) old.copyWithin(0, drop);
      else { this[part] = new Float64Array(Math.min(old.length * 2, this.most)); this[part].set(old); }
    }
    this.length -= drop;
    this.removed += drop;
  }

  /* The first index whose time is not before `at`. */
  indexOf(at) {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at[middle] < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  thinned(from, to, width) {
    const step = Math.max((to - from) / Math.max(width, 1), 1e-6);
    const size = 2 ** Math.ceil(Math.log2(step)); // buckets of a few sizes, at fixed times: they stay the same while the chart moves
    if (this.kept?.size !== size || from < this.kept.from) this.kept = { size, from: Math.floor(from / size) * size, at: [], low: [], high: [], next: null };
    const kept = this.kept;
    if (kept.next === null) kept.next = this.indexOf(kept.from) + this.removed;
    for (let index = Math.max(0, kept.next - this.removed); index < this.length; index += 1) this.#put(kept, index);
    kept.next = this.length + this.removed;
    this.#forget(kept, from);
    return kept;
  }

  #put(kept, index) {
    const bucket = Math.floor(this.at[index] / kept.size) * kept.size;
    const last = kept.at.length - 1;
    if (last >= 0 && kept.at[last] === bucket) {
      kept.low[last] = Math.min(kept.low[last], this.low[index]);
      kept.high[last] = Math.max(kept.high[last], this.high[index]);
    } else {
      kept.at.push(bucket);
      kept.low.push(this.low[index]);
      kept.high.push(this.high[index]);
    }
  }

  /* Drops the buckets before the range when they are many: one drop for many calls. */
  #forget(kept, from) {
    let before = 0;
    while (before < kept.at.length && kept.at[before] + kept.size < from) before += 1;
    if (before < 512) return;
    for (const part of ["at", "low", "high"]) kept[part].splice(0, before - 1);
    kept.from = kept.at[0];
  }
}
