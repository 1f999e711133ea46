// One sink: a bounded queue, sent in batches, tried again for a while and then given up.
import { log } from "../shared/process.js";

const MOST_WAITING = 5000;
const BATCH = 200;
const FLUSH_MS = 1000;

export class Shipper {
  constructor(sink) {
    this.sink = sink;
    this.waiting = [];
    this.lost = 0;
    this.failingSince = null;
    this.timer = setInterval(() => this.flush(), FLUSH_MS);
  }

  add(event) {
    if (this.waiting.length >= MOST_WAITING) {
      this.waiting.shift();
      this.lost += 1;
    }
    this.waiting.push(event);
    if (this.waiting.length >= BATCH) this.flush();
  }

  /** Sends one batch; an empty one too when `probe`, which proves the address and the token. */
  async flush(probe = false) {
    if (this.sending || (this.waiting.length === 0 && !probe)) return;
    this.sending = true;
    const batch = this.waiting.slice(0, BATCH);
    try {
      const response = await fetch(this.sink.url, {
        method: "POST",
        headers: { "content-type": "application/json", ...this.sink.headers },
        body: JSON.stringify(batch),
        signal: AbortSignal.timeout(5000),
      });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`status ${response.status}`);
      this.waiting.splice(0, batch.length);
      if (this.lost) log("warning", `${this.sink.name}: ${this.lost} events were dropped while ${this.sink.url.host} did not take them`);
      this.lost = 0;
      this.failingSince = null;
    } catch (error) {
      this.#failed(error.cause?.code ?? error.message, batch.length);
    } finally {
      this.sending = false;
    }
  }

  #failed(reason, size) {
    if (this.failingSince === null) {
      this.failingSince = Date.now();
      log("warning", `${this.sink.name}: ${this.sink.url.host} does not take events: ${reason}`);
    }
    if (Date.now() - this.failingSince > this.sink.retrySeconds * 1000) {
      this.waiting.splice(0, size);
      this.lost += size;
    }
  }
}
