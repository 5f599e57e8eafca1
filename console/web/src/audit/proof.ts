/**
 * Checks in the browser itself that an entry stands in the audit log, as docs/audit.md has it: RFC 6962's leaf and way to the root,
 * C2SP's `tlog-proof` and `signed-note`. Nothing of the answer is believed but what follows from hashes and the signature.
 */
const HASHES_MAX = 65;
const ED25519 = 1;

export interface Proof {
  entry: string;
  proof: string;
  key?: string | null;
}

/** What was found, step by step; a step that was not reached is not there. */
export interface Findings {
  leaf?: string;
  /** Hashes beside the way, each with the one that it leads to. */
  path?: { beside: string; hash: string }[];
  index?: number;
  checkpoint?: { origin: string; size: number; root: string };
  /** Whether the way leads from the entry to the checkpoint's root. */
  isIncluded?: boolean;
  keyId?: string;
  fingerprint?: string;
  /** Whether the key has signed the checkpoint. */
  signature: "right" | "wrong" | "unsupported" | "unknown_key";
}

class Unreadable extends Error {}

/** Checks a proof of the entry with number `seq`; null when it is not written as one. */
export async function check(given: Proof, seq: number): Promise<Findings | null> {
  try {
    return await findings(given, seq);
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

export function isProved(found: Findings | null): boolean {
  return found?.isIncluded === true && found.signature === "right";
}

async function findings({ entry, proof, key }: Proof, seq: number): Promise<Findings> {
  const { index, hashes, note } = readProof(proof);
  const checkpoint = readCheckpoint(note.text);
  // The bytes must be those of the entry that was asked for.
  if (index !== seq || readSeq(entry) !== seq) throw new Unreadable();
  const leaf = await sha256(bytes(0), utf8(entry));
  const way = await climb(leaf, index, checkpoint.size, hashes);
  return {
    leaf: hex(leaf),
    index,
    path: way.path,
    checkpoint: { ...checkpoint, root: hex(checkpoint.root) },
    isIncluded: way.isWhole && hex(way.root) === hex(checkpoint.root),
    ...(await checkSignature(note, checkpoint.origin, key)),
  };
}

/** RFC 9162, section 2.1.3.2. */
async function climb(leaf: Uint8Array, index: number, size: number, hashes: Uint8Array[]) {
  let node = BigInt(index);
  let last = BigInt(size) - 1n;
  let hash = leaf;
  const path: { beside: string; hash: string }[] = [];
  let isWhole = index < size;
  for (const beside of hashes) {
    if (last === 0n) isWhole = false;
    if (!isWhole) break;
    if (node % 2n === 1n || node === last) {
      hash = await sha256(bytes(1), beside, hash);
      while (node % 2n === 0n && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = await sha256(bytes(1), hash, beside);
    }
    node >>= 1n;
    last >>= 1n;
    path.push({ beside: hex(beside), hash: hex(hash) });
  }
  return { root: hash, path, isWhole: isWhole && last === 0n };
}

async function checkSignature(
  note: Note,
  origin: string,
  written: string | null | undefined,
): Promise<Pick<Findings, "keyId" | "fingerprint" | "signature">> {
  if (!written) return { signature: "unknown_key" };
  const key = await readKey(written);
  const known = { keyId: key.id, fingerprint: hex(await sha256(utf8(written))) };
  const own = note.signatures.filter((line) => line.name === key.name && line.id === key.id);
  if (key.name !== origin || own.length === 0) return { ...known, signature: "unknown_key" };
  let imported: CryptoKey;
  try {
    imported = await crypto.subtle.importKey("raw", key.bytes, "Ed25519", false, ["verify"]);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") {
      return { ...known, signature: "unsupported" };
    }
    throw new Unreadable();
  }
  for (const line of own) {
    const text = utf8(note.text);
    if (!(await crypto.subtle.verify("Ed25519", imported, line.signature, text))) {
      return { ...known, signature: "wrong" };
    }
  }
  return { ...known, signature: "right" };
}

interface Note {
  text: string;
  signatures: { name: string; id: string; signature: Bytes }[];
}

function readProof(proof: string): { index: number; hashes: Bytes[]; note: Note } {
  const end = proof.indexOf("\n\n");
  if (end < 0) throw new Unreadable();
  const [first, ...lines] = proof.slice(0, end).split("\n");
  if (first !== "c2sp.org/tlog-proof@v1") throw new Unreadable();
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const index = /^index (\d+)$/.exec(lines.shift() ?? "")?.[1];
  if (index === undefined || lines.length >= HASHES_MAX) throw new Unreadable();
  const hashes = lines.map((line) => sized(fromBase64(line), 32));
  return { index: number(index), hashes, note: readNote(proof.slice(end + 2)) };
}

function readNote(note: string): Note {
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || !note.endsWith("\n")) throw new Unreadable();
  const lines = note.slice(end + 2, -1).split("\n");
  const signatures = lines.map((line) => {
    const [, name = "", encoded = ""] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    const all = fromBase64(encoded);
    if (name === "" || all.length < 5) throw new Unreadable();
    return { name, id: hex(all.slice(0, 4)), signature: all.slice(4) };
  });
  return { text: note.slice(0, end + 1), signatures };
}

function readCheckpoint(text: string): { origin: string; size: number; root: Bytes } {
  const [origin = "", size = "", root = "", ...rest] = text.slice(0, -1).split("\n");
  if (origin === "" || rest.includes("") || !/^(0|[1-9]\d*)$/.test(size)) throw new Unreadable();
  return { origin, size: number(size), root: sized(fromBase64(root), 32) };
}

async function readKey(written: string): Promise<{ name: string; id: string; bytes: Bytes }> {
  const [, name = "", id = "", encoded = ""] =
    /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(written) ?? [];
  const all = sized(fromBase64(encoded), 33);
  if (all[0] !== ED25519) throw new Unreadable();
  const own = hex((await sha256(utf8(`${name}\n`), all)).slice(0, 4));
  if (own !== id) throw new Unreadable();
  return { name, id, bytes: all.slice(1) };
}

function readSeq(entry: string): number {
  return Number(/^\{"v":1,"seq":(\d+),/.exec(entry)?.[1] ?? Number.NaN);
}

function number(digits: string): number {
  const value = Number(digits);
  if (!Number.isSafeInteger(value)) throw new Unreadable();
  return value;
}

type Bytes = Uint8Array<ArrayBuffer>;

function bytes(...values: number[]): Bytes {
  return Uint8Array.from(values);
}

function utf8(text: string): Bytes {
  return new Uint8Array(new TextEncoder().encode(text));
}

function sized(given: Bytes, length: number): Bytes {
  if (given.length !== length) throw new Unreadable();
  return given;
}

/** Standard base64 with padding, in the one way that there is to write it. */
function fromBase64(text: string): Bytes {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new Unreadable();
  }
  if (btoa(binary) !== text) throw new Unreadable();
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

async function sha256(...parts: Uint8Array[]): Promise<Bytes> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
}

function hex(of: Uint8Array): string {
  return Array.from(of, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
