// Inside a user worker's process: runs the function's file and serves what it hands to Deno.serve.
const [entry, portFile] = Deno.args;
const serve = Deno.serve;
let served = false;

function start(handler) {
  served = true;
  return serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: ({ port }) => Deno.writeTextFileSync(portFile, `${port}\n`),
  }, (request, info) => {
    // the function sees the address that the client asked for
    const url = request.headers.get("x-edge-runtime-url") ?? request.url;
    const original = new Request(url, request);
    original.headers.delete("x-edge-runtime-url");
    return handler(original, info);
  });
}

Deno.serve = (first, second) => start(typeof first === "function" ? first : (second ?? first.handler));
globalThis.EdgeRuntime = { waitUntil: (promise) => void Promise.resolve(promise).catch((error) => console.error(error)) };

const module = await import(`file://${entry}`);
if (!served && typeof module.default?.fetch === "function") start((request, info) => module.default.fetch(request, info));
if (!served) {
  console.error(`the function ${entry} did not call Deno.serve`);
  Deno.exit(1);
}
