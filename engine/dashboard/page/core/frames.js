/* Reads the server's frames: engine/dashboard/frames.py has their layout, docs/dashboard.md describes it. Records are read by the layout that the server sent, as they lie in its shared memory. */

export const SNAPSHOT = 1;
const SECTIONS = { 1: "parts", 2: "book", 3: "order", 4: "fill", 5: "journal", 6: "points", 7: "worth" };
const text = new TextDecoder();

/* Every frame of a message: { kind, serverMs, number, sections: [[name, DataView], …] }. */
export function* frames(buffer) {
  let at = 0;
  while (at < buffer.byteLength) {
    const head = new DataView(buffer, at, 24);
    const frame = { kind: head.getUint32(0, true), serverMs: head.getFloat64(8, true), number: Number(head.getBigUint64(16, true)), sections: [] };
    const count = head.getUint32(4, true);
    at += 24;
    for (let section = 0; section < count; section += 1) {
      const [kind, size] = new Uint32Array(buffer, at, 2);
      frame.sections.push([SECTIONS[kind], new DataView(buffer, at + 8, size)]);
      at += 8 + size + (-size & 7);
    }
    yield frame;
  }
}

export const json = (view) => JSON.parse(text.decode(view));

/* An integer of 64 bits: a number where that is exact, else a BigInt. */
const whole = (value) => (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value);
const READ = {
  i8: (view, at) => whole(view.getBigInt64(at, true)), u8: (view, at) => whole(view.getBigUint64(at, true)), f8: (view, at) => view.getFloat64(at, true),
  i4: (view, at) => view.getInt32(at, true), u4: (view, at) => view.getUint32(at, true), f4: (view, at) => view.getFloat32(at, true),
  i2: (view, at) => view.getInt16(at, true), u2: (view, at) => view.getUint16(at, true), i1: (view, at) => view.getInt8(at), u1: (view, at) => view.getUint8(at),
};
const WIDTH = { i8: 8, u8: 8, f8: 8, i4: 4, u4: 4, f4: 4, i2: 2, u2: 2, i1: 1, u1: 1 };

/* A reader of one record: `get(view, at, field)` reads one field; only the fields that are needed are read. */
export class Layout {
  constructor({ size, fields }) {
    this.size = size;
    this.fields = new Map(fields.map(([name, code, count, offset]) => [name, { code, count, offset }]));
  }

  get(view, at, name) {
    const { code, count, offset } = this.fields.get(name);
    if (code === "S") return bytesText(view, at + offset, count);
    if (count === 1) return READ[code](view, at + offset);
    return Array.from({ length: count }, (_, index) => READ[code](view, at + offset + index * WIDTH[code]));
  }

  /* The bytes of a field in hexadecimal: an identity that need not be text. */
  hex(view, at, name) {
    const { count, offset } = this.fields.get(name);
    let found = "";
    for (let index = 0; index < count; index += 1) found += view.getUint8(at + offset + index).toString(16).padStart(2, "0");
    return found;
  }

  /* The view of a field of bytes: a record inside a record. */
  inner(view, at, name) { return [view, at + this.fields.get(name).offset]; }

  * each(view) { for (let at = 0; at + this.size <= view.byteLength; at += this.size) yield at; }
}

const bytesText = (view, at, count) => {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, count);
  const end = bytes.indexOf(0);
  return text.decode(end < 0 ? bytes : bytes.subarray(0, end));
};
