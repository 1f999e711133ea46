// Objects on disk: <root>/<bucket of the backend>/<tenant>/<bucket>/<object>/<version>. The official service keeps the
// content type in extended attributes; Node cannot write those, so it stands in the row's metadata alone.
import { constants } from "node:fs";
import { access, copyFile, mkdir, rm, rmdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { badRequest } from "./errors.js";

export class Files {
  constructor(root, ...prefix) {
    this.root = root;
    this.base = path.join(root, ...prefix);
  }

  /** Whether objects can be read and written now. */
  async usable() {
    try {
      await access(this.root, constants.R_OK | constants.W_OK | constants.X_OK);
      return (await stat(this.root)).isDirectory();
    } catch {
      return false;
    }
  }

  path({ bucket_id: bucket, name, version }) {
    const full = path.join(this.base, bucket, name, version);
    // names are checked at the door; this is the second lock
    if (!full.startsWith(`${path.join(this.base, bucket)}${path.sep}`)) throw badRequest("Invalid key");
    return full;
  }

  async #place(object) {
    const full = this.path(object);
    try {
      await mkdir(path.dirname(full), { recursive: true });
    } catch (error) {
      throw error.code === "ENOTDIR" || error.code === "EEXIST" ? badRequest(`Invalid key: ${object.name}`) : error;
    }
    return full;
  }

  async write(object, content) {
    await writeFile(await this.#place(object), content);
  }

  async copy(from, to) {
    await copyFile(this.path(from), await this.#place(to));
  }

  async remove(object) {
    await rm(this.path(object), { force: true });
    await this.#prune(object);
  }

  // take away folders that became empty, up to the bucket's own
  async #prune(object) {
    for (let at = path.dirname(this.path(object)); at !== this.base && at.startsWith(this.base); at = path.dirname(at)) {
      try {
        await rmdir(at);
      } catch {
        return;
      }
    }
  }
}

/** A name that may become a path: no empty, `.` or `..` part, no control character. */
export function requireKey(name) {
  const parts = typeof name === "string" ? name.split("/") : [];
  const bad = parts.length === 0 || Buffer.byteLength(name) > 1024 || /[\0-\x1f\x7f\\]/.test(name) || parts.some((p) => p === "" || p === "." || p === ".." || Buffer.byteLength(p) > 255);
  if (bad) throw badRequest(`Invalid key: ${name}`);
  return name;
}
