/* How old everything on the page is, by this page's own clock.

A frame carries the server's time and, for each source, its age when the frame was made. To this the page adds the time since the frame arrived, and the time for which the frame was held up on its way: what it took longer than the quickest frame so far. So a frame that waited five seconds in a network is five seconds old when it is shown. */

export class News {
  constructor(now = () => performance.now()) {
    this.now = now;
    this.forget();
  }

  /* A new connection may be to another machine's clock. */
  forget() {
    this.sources = new Map();
    this.heardAt = null;
    this.serverMs = null;
    this.offset = Infinity; // the least of (arrival - server's time)
    this.held = 0;
  }

  hear(serverMs, ages) {
    this.heardAt = this.now();
    this.serverMs = serverMs;
    const offset = this.heardAt - serverMs;
    this.offset = Math.min(this.offset, offset);
    this.held = offset - this.offset;
    this.sources = new Map(ages);
    this.sources.set("system", 0);
  }

  /* The server's time now, for the clock of the page; null before the first frame. */
  get wallMs() { return this.serverMs === null ? null : this.serverMs + this.now() - this.heardAt; }

  /* Milliseconds; null: nothing was heard of it. */
  age(name) {
    const ms = this.sources.get(name);
    return ms === undefined || ms === null || this.heardAt === null ? null : ms + this.held + this.now() - this.heardAt;
  }
}
