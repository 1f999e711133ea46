// The log shipper: takes the engine's fluentd log driver on a port and posts events to analytics.
import net from "node:net";
import { decodeMulti, decodeMultiStream, encode, ExtensionCodec } from "@msgpack/msgpack";
import { App, sendJson } from "../shared/http.js";
import { fail, log, onShutdown } from "../shared/process.js";
import { ConfigError, readConfig } from "./config.js";
import { eventOf, KNOWN_SOURCES, shape } from "./events.js";
import { Shipper } from "./shipper.js";

const UNHEALTHY_AFTER_MS = 45_000;
const PROBE_MS = 10_000;

const position = process.argv.findIndex((argument) => argument === "--config" || argument === "-c");
const path = position === -1 ? "/etc/vector/vector.yml" : process.argv[position + 1];
let config;
try {
  config = readConfig(path);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  fail("vector", error.message);
}
for (const { sink } of config.routes) {
  if (!KNOWN_SOURCES.includes(sink.sourceName)) fail("vector", `sinks.${sink.name}: the source name ${sink.sourceName} is not known here; allowed are ${KNOWN_SOURCES.join(", ")}`);
}
const outputs = config.routes.map(({ accepts, sink }) => ({ accepts, shipper: new Shipper(sink) }));
const startedAt = Date.now();

// the protocol's EventTime: seconds and nanoseconds, 32 bits each
const extensionCodec = new ExtensionCodec();
extensionCodec.register({ type: 0, encode: () => null, decode: (data) => Buffer.from(data).readUInt32BE(0) + Buffer.from(data).readUInt32BE(4) / 1e9 });

function accept(time, record) {
  if (record === null || typeof record !== "object") return;
  const event = eventOf(record, Number(time) || Date.now() / 1000);
  for (const { accepts, shipper } of outputs) {
    if (!accepts(event)) continue;
    const shaped = shape(shipper.sink.sourceName, event);
    if (shaped) shipper.add(shaped);
  }
}

/** One message of the forward protocol: [tag, time, record], [tag, [[time, record], ...]] or [tag, packed entries], then options. */
function take(socket, message) {
  if (!Array.isArray(message)) return;
  const [, second, third] = message;
  if (Array.isArray(second)) for (const [time, record] of second) accept(time, record);
  else if (second instanceof Uint8Array) for (const [time, record] of decodeMulti(second, { extensionCodec })) accept(time, record);
  else accept(second, third);
  const options = message[second instanceof Uint8Array || Array.isArray(second) ? 2 : 3];
  if (options?.chunk) socket.write(encode({ ack: options.chunk }));
}

const receiver = net.createServer(async (socket) => {
  socket.on("error", () => socket.destroy());
  try {
    for await (const message of decodeMultiStream(socket, { extensionCodec })) take(socket, message);
  } catch (error) {
    if (error.code !== "ECONNRESET") log("warning", `a sender broke the protocol: ${error.message}`);
    socket.destroy();
  }
});
const app = new App();
app.on("GET", "/health", ({ response }) => {
  const failing = outputs.map(({ shipper }) => shipper.failingSince).filter((since) => since !== null);
  const ok = failing.every((since) => Date.now() - Math.max(since, startedAt) < UNHEALTHY_AFTER_MS);
  sendJson(response, ok ? 200 : 503, { ok });
});

receiver.on("error", (error) => fail("vector", `the source cannot listen: ${error.message}`));
receiver.listen(config.listen.port, config.listen.host);
await app.listen(config.health.port, config.health.host).catch((error) => fail("vector", error.message));
// without events nobody would notice a wrong token or a dead analytics: ask with an empty batch
const prober = setInterval(() => outputs.forEach(({ shipper }) => shipper.flush(true)), PROBE_MS);
log("info", `vector listens on port ${config.listen.port} and ships to ${outputs.length} sinks`);

onShutdown(async () => {
  clearInterval(prober);
  receiver.close();
  await Promise.all(outputs.map(({ shipper }) => shipper.flush()));
  await app.close();
});
