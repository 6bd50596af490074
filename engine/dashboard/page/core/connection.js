/* The WebSocket to the server: frames in, commands out. It connects again when it was lost, or when the server is silent. */

import { Apply } from "./apply.js";
import { frames } from "./frames.js";

const AGAIN_MS = [100, 250, 500, 1000]; // until the next attempt
const SILENT_MS = 3_000; // without a frame: the connection is made anew, for a cut network reports nothing
const ANSWER_MS = 10_000;
const CONFIRMED_EACH = 4; // messages

export class Connection {
  constructor(state, news) {
    [this.state, this.news] = [state, news];
    this.apply = new Apply(state, news);
    this.attempts = 0;
    this.frames = 0;
    this.waiting = new Map(); // commands without an answer, by id
    this.number = 0;
  }

  open() {
    this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/stream`);
    this.socket.binaryType = "arraybuffer";
    this.openedAt = performance.now();
    this.unconfirmed = 0;
    this.socket.addEventListener("message", ({ data }) => (typeof data === "string" ? this.#answer(JSON.parse(data)) : this.#receive(data)));
    this.socket.addEventListener("close", () => this.#lost());
    clearInterval(this.watch);
    this.watch = setInterval(() => this.#check(), 500);
  }

  #receive(data) {
    if (!this.state.connected) this.news.forget(); // what arrives first on a new connection is a snapshot
    this.state.connected = true;
    this.attempts = 0;
    this.heardAt = performance.now();
    for (const frame of frames(data)) {
      this.apply.frame(frame);
      this.frames += 1;
    }
    this.unconfirmed += 1;
    if (this.unconfirmed < CONFIRMED_EACH) return; // the server sends no more than a few messages ahead of this
    this.unconfirmed = 0;
    this.socket.send("shown");
  }

  #check() {
    if (performance.now() - Math.max(this.heardAt ?? 0, this.openedAt) > SILENT_MS) this.#lost();
  }

  #lost() {
    if (!this.socket) return;
    const socket = this.socket;
    this.socket = null;
    this.state.connected = false;
    clearInterval(this.watch);
    socket.close();
    for (const one of this.waiting.values()) one.reject(new Error("the connection was lost"));
    this.waiting.clear();
    setTimeout(() => this.open(), AGAIN_MS[Math.min(this.attempts, AGAIN_MS.length - 1)]);
    this.attempts += 1;
  }

  #answer(answer) {
    this.waiting.get(answer.id)?.resolve(answer);
    this.waiting.delete(answer.id);
  }

  /* The server's answer to a command. */
  send(command) {
    if (!this.state.connected) return Promise.reject(new Error("there is no connection; nothing was sent"));
    this.number += 1;
    const id = this.number;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      setTimeout(() => { if (this.waiting.delete(id)) reject(new Error(`none within ${ANSWER_MS / 1e3} s`)); }, ANSWER_MS);
      this.socket.send(JSON.stringify({ id, ...command }));
    });
  }
}
