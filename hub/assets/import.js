// A file that is too large for a request goes straight to the store, by an address that the hub signs for
// its length and MD5; the hub is told where it lies.
"use strict";

// MD5 (RFC 1321) of a file, read in pieces: browsers have none of their own.
class Md5 {
  static shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
  static sines = Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 4294967296) | 0);

  constructor() {
    this.state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
    this.rest = new Uint8Array(0);
    this.bytes = 0;
  }

  update(piece) {
    this.bytes += piece.length;
    const all = new Uint8Array(this.rest.length + piece.length);
    all.set(this.rest);
    all.set(piece, this.rest.length);
    const view = new DataView(all.buffer);
    let at = 0;
    for (; at + 64 <= all.length; at += 64) this.block(view, at);
    this.rest = all.slice(at);
  }

  block(view, at) {
    let [a, b, c, d] = this.state;
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      let f, word;
      if (round === 0) { f = (b & c) | (~b & d); word = i; }
      else if (round === 1) { f = (d & b) | (~d & c); word = (5 * i + 1) & 15; }
      else if (round === 2) { f = b ^ c ^ d; word = (3 * i + 5) & 15; }
      else { f = c ^ (b | ~d); word = (7 * i) & 15; }
      const sum = (a + f + Md5.sines[i] + view.getInt32(at + 4 * word, true)) | 0;
      const shift = Md5.shifts[4 * round + (i & 3)];
      [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
    }
    this.state[0] += a;
    this.state[1] += b;
    this.state[2] += c;
    this.state[3] += d;
  }

  finish() {
    const bits = this.bytes * 8;
    const end = new Uint8Array(((this.rest.length < 56 ? 56 : 120) - this.rest.length) + 8);
    end[0] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, bits >>> 0, true);
    view.setUint32(end.length - 4, Math.floor(bits / 4294967296), true);
    this.update(end);
    const digest = new DataView(new ArrayBuffer(16));
    this.state.forEach((word, i) => digest.setInt32(4 * i, word, true));
    return Array.from(new Uint8Array(digest.buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

async function md5(file) {
  const digest = new Md5();
  const pieces = file.stream().getReader();
  for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) digest.update(piece.value);
  return digest.finish();
}

async function ask(address, body) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

// Uploads a file and has it previewed: the preview's id.
async function preview(form, file) {
  const site = form.elements.site.value.trim();
  const upload = await ask("/api/v1/imports/uploads", {
    site,
    bytes: file.size,
    md5: await md5(file),
    ext: file.name.split(".").pop().toLowerCase(),
  });
  const put = await fetch(upload.url, { method: "PUT", headers: upload.headers, body: file });
  // 412: the file is there already.
  if (!put.ok && put.status !== 412) throw new Error(`${put.status} ${put.statusText}`);
  const query = new URLSearchParams({ site, name: file.name, dry_run: "true", add: form.elements.add.value });
  if (form.elements.dialect.value) query.set("dialect", form.elements.dialect.value);
  return (await ask(`/api/v1/imports?${query}`, { key: upload.key })).id;
}

const form = document.getElementById("import");
form?.addEventListener("submit", (event) => {
  const file = form.elements.file.files[0];
  if (!file || file.size <= Number(form.dataset.limit)) return;
  event.preventDefault();
  const [status, button] = [document.getElementById("uploading"), form.querySelector("button")];
  button.disabled = true;
  status.textContent = status.dataset.uploading;
  preview(form, file).then(
    (id) => location.assign(`/import/${id}`),
    (error) => {
      status.textContent = `${status.dataset.failed}: ${error.message}`;
      button.disabled = false;
    },
  );
});
