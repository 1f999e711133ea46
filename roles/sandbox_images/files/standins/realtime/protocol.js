// Messages on the wire: objects (vsn 1.0.0), arrays (vsn 2.0.0), and the binary broadcast frames of 2.0.0.

const PUSH = 3, BROADCAST = 4, JSON_PAYLOAD = 1;

function decodePush(frame) {
  const [, join, ref, topic, event, meta, encoding] = frame;
  let at = 7;
  const take = (size) => frame.subarray(at, (at += size)).toString("utf8");
  const message = { joinRef: take(join), ref: take(ref), topic: take(topic), event: "broadcast" };
  const name = take(event);
  const metadata = take(meta);
  const rest = frame.subarray(at);
  const payload = encoding === JSON_PAYLOAD ? JSON.parse(rest.toString("utf8")) : rest;
  return { ...message, payload: { type: "broadcast", event: name, payload, ...(metadata ? { meta: JSON.parse(metadata) } : {}) } };
}

/** {joinRef, ref, topic, event, payload} of one frame, or null when it cannot be understood. */
export function decode(frame, isBinary, version) {
  try {
    if (isBinary) return frame[0] === PUSH ? decodePush(frame) : null;
    const data = JSON.parse(frame.toString("utf8"));
    const message = version === 2
      ? { joinRef: data[0], ref: data[1], topic: data[2], event: data[3], payload: data[4] }
      : { joinRef: data.join_ref, ref: data.ref, topic: data.topic, event: data.event, payload: data.payload };
    return typeof message.topic === "string" && typeof message.event === "string" ? message : null;
  } catch {
    return null;
  }
}

/** The frame for a message, or null when this version has no form for it (binary payloads in 1.0.0). */
export function encode({ joinRef = null, ref = null, topic, event, payload }, version) {
  if (Buffer.isBuffer(payload?.payload)) {
    if (version !== 2) return null;
    const [name, kind] = [Buffer.from(topic), Buffer.from(payload.event)];
    return Buffer.concat([Buffer.from([BROADCAST, name.length, kind.length, 0, 0]), name, kind, payload.payload]);
  }
  return JSON.stringify(version === 2 ? [joinRef, ref, topic, event, payload] : { join_ref: joinRef, ref, topic, event, payload });
}
