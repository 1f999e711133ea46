// Sockets and the topics they joined: broadcast, presence, heartbeat. One process holds them all.
import { randomBytes, randomUUID } from "node:crypto";
import { decode, encode } from "./protocol.js";

const IDLE_MS = 60_000;

export class Channels {
  constructor({ verify, maxChannels }) {
    this.verify = verify;
    this.maxChannels = maxChannels;
    this.topics = new Map();
    this.sockets = new Set();
  }

  /** Serve one websocket that has shown a valid token. */
  accept(ws, { version, secret }) {
    const socket = { ws, version, secret, joined: new Map() };
    this.sockets.add(socket);
    const idle = setTimeout(() => ws.terminate(), IDLE_MS).unref();
    ws.on("message", (frame, isBinary) => {
      idle.refresh();
      const message = decode(frame, isBinary, version);
      if (!message) return;
      try {
        this.#receive(socket, message);
      } catch (error) {
        // one client's odd payload must not end the program
        this.#reply(socket, message, "error", { reason: `the payload cannot be used: ${error.message}` });
      }
    });
    ws.on("error", () => ws.terminate());
    ws.on("close", () => {
      clearTimeout(idle);
      for (const member of [...socket.joined.values()]) this.#leave(member);
      this.sockets.delete(socket);
    });
  }

  #send(socket, message) {
    const frame = encode(message, socket.version);
    if (frame !== null && socket.ws.readyState === socket.ws.OPEN) socket.ws.send(frame);
  }

  #reply(socket, { joinRef, ref, topic }, status, response = {}) {
    this.#send(socket, { joinRef, ref, topic, event: "phx_reply", payload: { status, response } });
  }

  #receive(socket, message) {
    const { topic, event, payload } = message;
    if (topic === "phoenix" && event === "heartbeat") return this.#reply(socket, message, "ok");
    if (event === "phx_join") return this.#join(socket, message);
    const member = socket.joined.get(topic);
    if (!member) return this.#reply(socket, message, "error", { reason: "unmatched topic" });
    if (event === "phx_leave") {
      this.#reply(socket, message, "ok");
      this.#leave(member);
      return this.#send(socket, { joinRef: member.joinRef, topic, event: "phx_close", payload: {} });
    }
    if (event === "access_token") return this.#renew(member, payload?.access_token);
    if (event === "broadcast") {
      this.#deliver(topic, payload, member.self ? null : member);
      if (member.ack) this.#reply(socket, message, "ok");
      return undefined;
    }
    if (event === "presence") return this.#presence(member, message);
    return this.#reply(socket, message, "error", { reason: `unknown event ${event}` });
  }

  #join(socket, message) {
    const { topic, joinRef, payload } = message;
    const config = payload?.config ?? {};
    const refuse = (reason) => this.#reply(socket, message, "error", { reason });
    if (!/^realtime:.+/.test(topic)) return refuse("TopicNameRequired: the topic must be realtime:<name>");
    if (config.private) return refuse("Unauthorized: private channels are not available in this sandbox");
    if (!socket.joined.has(topic) && socket.joined.size >= this.maxChannels) return refuse("ChannelRateLimitReached: Too many channels");
    if (payload?.access_token) {
      const reason = this.#tokenFault(socket, payload.access_token);
      if (reason) return refuse(reason);
    }
    // joining again replaces the earlier membership, as after a client's reconnect
    if (socket.joined.has(topic)) this.#leave(socket.joined.get(topic));
    const member = {
      socket, topic, joinRef: joinRef ?? message.ref, self: config.broadcast?.self === true, ack: config.broadcast?.ack === true,
      key: config.presence?.key || randomUUID(), meta: null, expiry: null,
    };
    socket.joined.set(topic, member);
    if (!this.topics.has(topic)) this.topics.set(topic, new Set());
    this.topics.get(topic).add(member);
    if (payload?.access_token) this.#watchExpiry(member, payload.access_token);
    const bindings = (config.postgres_changes ?? []).map((binding, index) => ({ ...binding, id: index + 1 }));
    this.#reply(socket, message, "ok", { postgres_changes: bindings });
    this.#send(socket, { joinRef: member.joinRef, topic, event: "presence_state", payload: this.#presenceState(topic) });
    if (bindings.length) {
      this.#system(member, "postgres_changes", "Unable to subscribe to changes: this sandbox does not read the replication stream, so no postgres_changes will arrive");
    }
    return undefined;
  }

  #system(member, extension, text) {
    const payload = { extension, status: "error", message: text, channel: member.topic.slice("realtime:".length) };
    this.#send(member.socket, { joinRef: member.joinRef, topic: member.topic, event: "system", payload });
  }

  #tokenFault(socket, token) {
    try {
      this.verify(token, socket.secret);
      return null;
    } catch (error) {
      return `InvalidJWTToken: ${error.message}`;
    }
  }

  #renew(member, token) {
    const fault = typeof token === "string" ? this.#tokenFault(member.socket, token) : null;
    if (fault) this.#shut(member, fault);
    else if (typeof token === "string") this.#watchExpiry(member, token);
  }

  // a member whose token runs out is put out of the channel, unless it sends a newer one in time
  #watchExpiry(member, token) {
    clearTimeout(member.expiry);
    const { exp } = this.verify(token, member.socket.secret);
    const left = exp * 1000 - Date.now();
    if (exp && left < 2 ** 31) member.expiry = setTimeout(() => this.#shut(member, "InvalidJWTToken: token is expired"), left).unref();
  }

  #shut(member, reason) {
    this.#system(member, "system", reason);
    this.#leave(member);
    this.#send(member.socket, { joinRef: member.joinRef, topic: member.topic, event: "phx_close", payload: {} });
  }

  #leave(member) {
    clearTimeout(member.expiry);
    member.socket.joined.delete(member.topic);
    const members = this.topics.get(member.topic);
    members?.delete(member);
    if (members?.size === 0) this.topics.delete(member.topic);
    this.#forget(member);
  }

  /** Broadcast from HTTP; the answer is how many members it reached. */
  publish(name, event, payload) {
    return this.#deliver(`realtime:${name}`, { type: "broadcast", event, payload }, null);
  }

  #deliver(topic, payload, except) {
    let reached = 0;
    for (const member of this.topics.get(topic) ?? []) {
      if (member === except) continue;
      this.#send(member.socket, { topic, event: "broadcast", payload });
      reached += 1;
    }
    return reached;
  }

  #presenceState(topic) {
    const state = Object.create(null);
    for (const { key, meta } of this.topics.get(topic) ?? []) if (meta) (state[key] ??= { metas: [] }).metas.push(meta);
    return state;
  }

  #presence(member, message) {
    const { event, payload } = message.payload ?? {};
    if (event === "track") {
      const leaves = member.meta ? { [member.key]: { metas: [member.meta] } } : {};
      member.meta = { phx_ref: randomBytes(9).toString("base64url"), ...(member.meta ? { phx_ref_prev: member.meta.phx_ref } : {}), ...payload };
      this.#presenceDiff(member.topic, { [member.key]: { metas: [member.meta] } }, leaves);
    } else if (event === "untrack") this.#forget(member);
    else return this.#reply(member.socket, message, "error", { reason: "presence takes track or untrack" });
    return this.#reply(member.socket, message, "ok");
  }

  #forget(member) {
    if (!member.meta) return;
    const leaves = { [member.key]: { metas: [member.meta] } };
    member.meta = null;
    this.#presenceDiff(member.topic, {}, leaves);
  }

  #presenceDiff(topic, joins, leaves) {
    for (const member of this.topics.get(topic) ?? []) {
      this.#send(member.socket, { topic, event: "presence_diff", payload: { joins, leaves } });
    }
  }

  closeAll() {
    for (const { ws } of this.sockets) ws.close(1001, "the server is stopping");
  }
}
