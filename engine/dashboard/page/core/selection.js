/* The instrument that the ladder and the chart show. */

export class Selection {
  constructor(state) {
    this.state = state;
    this.instrument = null;
  }

  choose(id) {
    if (this.instrument === id) return;
    this.instrument = id;
    this.state.change("selection");
  }

  /* The first instrument until one is chosen, and again when the chosen one has gone. */
  settle() {
    if (!this.state.instruments.has(this.instrument)) this.choose(this.state.instruments.keys().next().value ?? null);
  }

  move(by) {
    const ids = [...this.state.instruments.keys()];
    if (ids.length) this.choose(ids[(ids.indexOf(this.instrument) + by + ids.length) % ids.length]);
  }
}
