// The image service: resizes files of the storage volume. URL: /<signature or word>/<options>/plain/<source>[@format]
// or /<signature>/<options>/<base64url source>[.format]; without a key the first part is not checked, as in the real one.
import { createHash } from "node:crypto";
import { access, readFile, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import sharp from "sharp";
import { readEnvironment } from "../shared/environment.js";
import { App, HttpError } from "../shared/http.js";
import { fail, onShutdown } from "../shared/process.js";

const environment = readEnvironment("imgproxy", {
  IMGPROXY_BIND: {},
  IMGPROXY_LOCAL_FILESYSTEM_ROOT: {},
  IMGPROXY_USE_ETAG: { default: "false", boolean: true },
  IMGPROXY_AUTO_WEBP: { default: "false", boolean: true },
  IMGPROXY_MAX_SRC_RESOLUTION: { default: "50" },
});
const bind = /^(.*):(\d+)$/.exec(environment.IMGPROXY_BIND) ?? fail("imgproxy", `IMGPROXY_BIND must be of the form address:port or :port`);
const megapixels = Number(environment.IMGPROXY_MAX_SRC_RESOLUTION);
if (!(megapixels > 0)) fail("imgproxy", "IMGPROXY_MAX_SRC_RESOLUTION must be a number of megapixels above 0");
const root = resolve(environment.IMGPROXY_LOCAL_FILESYSTEM_ROOT);

const FITS = { fit: "inside", fill: "cover", "fill-down": "cover", force: "fill", auto: "inside" };
const FORMATS = { jpg: "jpeg", jpeg: "jpeg", png: "png", webp: "webp", avif: "avif", gif: "gif" };
const LONG = { rs: "resize", s: "size", w: "width", h: "height", rt: "resizing_type", q: "quality", f: "format", ext: "format", el: "enlarge", g: "gravity" };
sharp.concurrency(1);
sharp.cache(false);

const refuse = (sentence) => {
  throw new HttpError(404, `Invalid URL: ${sentence}`);
};

function size(value, name) {
  if (!/^\d{0,5}$/.test(value ?? "")) refuse(`${name} must be a whole number of pixels`);
  return Number(value || 0);
}

function applyOption(options, name, values) {
  const set = {
    width: () => (options.width = size(values[0], "width")),
    height: () => (options.height = size(values[0], "height")),
    resizing_type: () => (options.fit = FITS[values[0]] ?? refuse(`resizing type "${values[0]}" is not known; allowed are ${Object.keys(FITS).join(", ")}`)),
    quality: () => (options.quality = size(values[0], "quality") || undefined),
    format: () => (options.format = FORMATS[values[0]] ?? refuse(`format "${values[0]}" is not known; allowed are ${Object.keys(FORMATS).join(", ")}`)),
    enlarge: () => (options.enlarge = ["1", "t", "true"].includes(values[0])),
    gravity: () => values[0] === "ce" || refuse("only the gravity ce is known here"),
    size: () => ["width", "height", "enlarge"].forEach((one, index) => values[index] && applyOption(options, one, [values[index]])),
    resize: () => {
      if (values[0]) applyOption(options, "resizing_type", [values[0]]);
      applyOption(options, "size", values.slice(1));
    },
  }[LONG[name] ?? name];
  if (!set) refuse(`option "${name}" is not known here`);
  set();
}

function parse(pathname) {
  const parts = pathname.split("/").slice(2);
  const options = { width: 0, height: 0, fit: "inside", enlarge: false };
  while (parts.length && parts[0] !== "plain" && parts[0].includes(":")) {
    const [name, ...values] = parts.shift().split(":");
    applyOption(options, name, values);
  }
  let source;
  let format;
  if (parts[0] === "plain") [source, format] = decodeURIComponent(parts.slice(1).join("/")).split(/@(?=[a-z]+$)/);
  else {
    [source, format] = parts.join("").split(".");
    source = Buffer.from(source, "base64url").toString("utf8");
  }
  if (format) applyOption(options, "format", [format]);
  if (!source.startsWith("local:///")) refuse("the source must be a local:/// address");
  const path = resolve(root, `.${sep}${source.slice("local://".length)}`);
  if (root !== sep && !path.startsWith(root + sep)) refuse("the source lies outside IMGPROXY_LOCAL_FILESYSTEM_ROOT");
  return { options, path };
}

async function render({ request, response, url }) {
  const { options, path } = parse(url.pathname);
  const file = await stat(path).catch(() => null);
  if (!file?.isFile()) throw new HttpError(404, "the source image does not exist");
  const webp = environment.IMGPROXY_AUTO_WEBP && !options.format && /image\/webp/.test(request.headers.accept ?? "");
  const etag = `"${createHash("sha256").update(JSON.stringify([path, file.size, file.mtimeMs, options, webp])).digest("hex").slice(0, 32)}"`;
  if (environment.IMGPROXY_USE_ETAG && request.headers["if-none-match"] === etag) return void response.writeHead(304, { etag }).end();
  let image;
  let format;
  try {
    image = sharp(await readFile(path), { limitInputPixels: Math.round(megapixels * 1e6), animated: false }).rotate();
    format = options.format ?? (webp ? "webp" : (await image.metadata()).format);
    if (!Object.values(FORMATS).includes(format)) format = "png";
    if (options.width || options.height) {
      image.resize(options.width || null, options.height || null, { fit: options.fit, withoutEnlargement: !options.enlarge });
    }
    image = await image.toFormat(format, options.quality ? { quality: options.quality } : {}).toBuffer();
  } catch (error) {
    throw new HttpError(422, /pixel limit/.test(error.message) ? "Source image resolution is too big" : "Source image is unsupported or broken");
  }
  response.writeHead(200, {
    "content-type": `image/${format}`,
    "content-length": image.length,
    vary: "Accept",
    ...(environment.IMGPROXY_USE_ETAG ? { etag } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : image);
}

const app = new App();
app.on("GET", "/health", async () => {
  await access(root).catch(() => {
    throw new HttpError(500, "IMGPROXY_LOCAL_FILESYSTEM_ROOT cannot be read");
  });
  return "imgproxy is running";
});
app.on("GET", "/*", render);
await app.listen(Number(bind[2]), bind[1] || "::").catch((error) => fail("imgproxy", error.message));
onShutdown(() => app.close());
