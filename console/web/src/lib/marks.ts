/**
 * What of an event made a rule match: the parts of its values that the rule's text names. The rule's own engine has decided; this only
 * finds again what it looked for, so that a reader does not have to. What cannot be found again is not marked.
 */
import type { AlertDetail } from "../api/client";
import { fieldInfo } from "./classes";

export type Span = readonly [from: number, to: number];

/** Finds, in a field of an event of a class, what a rule looked for. */
export type Marker = (className: string, field: string, text: string) => readonly Span[];

/** For the events that an alert names, and for those beside them. */
export interface Markers {
  own: Marker;
  beside: Marker;
}

/** What is looked for in the values of a field. */
interface Mark {
  /** The field as the rule calls it; none: any field with text. */
  field: string | null;
  find: Finder;
}

/** Where a text has what is looked for. It never takes longer than reading the text a few times, whatever rule and text are. */
type Finder = (text: string) => Span[];

/** Shortest text that is looked for in every field: what is shorter is found everywhere. */
const ANYWHERE_CHARACTERS_MIN = 3;
const MARKS_MAX = 200;

/** Buffers of signatures, and the fields that show what they hold. */
const FIELDS_OF_BUFFER: Readonly<Record<string, readonly string[]>> = {
  "http.uri": ["uri"],
  "http.uri.raw": ["uri"],
  "http.method": ["method"],
  "http.host": ["host"],
  "http.host.raw": ["host"],
  "http.user_agent": ["user_agent"],
  "http.referer": ["referrer"],
  "http.stat_code": ["status_code"],
  "dns.query": ["query"],
  "dns.answer.name": ["answers"],
  "tls.sni": ["server_name"],
  "tls.cert_subject": ["subject"],
  "tls.cert_issuer": ["issuer"],
  "ja3.hash": ["ja3"],
  "ja4.hash": ["ja4"],
};

export async function markersOf(alert: AlertDetail): Promise<Markers> {
  const marks =
    alert.rule_kind === "signature" ? ofSignature(alert.rule_text) : await ofSigma(alert);
  const shared = Object.entries(alert.group).map(
    ([field, value]): Mark => ({ field, find: literal([value], { atStart: true, atEnd: true }) }),
  );
  const over = (some: readonly Mark[]): Marker => {
    const kept = some.slice(0, MARKS_MAX);
    return (className, field, text) => spansOf(kept, className, field, text);
  };
  // A signature's own event says that it matched; the request in which it did stands beside it.
  const isBeside = ({ field, find }: Mark) => field !== null && find !== whole;
  return {
    own: over([...marks, ...shared]),
    beside: over(alert.rule_kind === "signature" ? marks.filter(isBeside) : []),
  };
}

function spansOf(marks: readonly Mark[], className: string, field: string, text: string): Span[] {
  const found: Span[] = [];
  for (const { field: wanted, find } of marks)
    if (wanted === null || isNamed(className, field, wanted)) found.push(...find(text));
  return merged(found);
}

/** Whether a field is what a rule calls so. */
function isNamed(className: string, field: string, wanted: string): boolean {
  const aliases = fieldInfo(className, field)?.aliases ?? [];
  return [field, ...aliases].some((name) => name.toLowerCase() === wanted.toLowerCase());
}

function merged(spans: Span[]): Span[] {
  const out: Span[] = [];
  for (const [from, to] of spans.sort(([one], [other]) => one - other)) {
    const last = out.at(-1);
    if (last && from <= last[1]) out[out.length - 1] = [last[0], Math.max(last[1], to)];
    else if (from < to) out.push([from, to]);
  }
  return out;
}

interface Place {
  atStart?: boolean;
  atEnd?: boolean;
  cased?: boolean;
}

/** Pieces one after the other, with anything between them. */
function literal(pieces: readonly string[], { atStart, atEnd, cased }: Place): Finder {
  const fold = (text: string) => (cased ? text : text.toLowerCase());
  const wanted = pieces.map(fold);
  return (text) => {
    const folded = fold(text);
    // Of a few letters the small one is longer: places would be wrong.
    if (folded.length !== text.length) return [];
    if (wanted.length === 1 && !atStart && !atEnd) return every(folded, wanted[0] ?? "");
    const spans: Span[] = [];
    let next = 0;
    for (const [index, piece] of wanted.entries()) {
      const isLast = index === wanted.length - 1;
      const at = isLast && atEnd ? folded.length - piece.length : folded.indexOf(piece, next);
      if (at < next || !folded.startsWith(piece, at) || (index === 0 && atStart && at !== 0))
        return [];
      spans.push([at, at + piece.length]);
      next = at + piece.length;
    }
    return spans;
  };
}

function every(text: string, piece: string): Span[] {
  const spans: Span[] = [];
  if (piece === "") return spans;
  for (let at = text.indexOf(piece); at >= 0; at = text.indexOf(piece, at + piece.length))
    spans.push([at, at + piece.length]);
  return spans;
}

/** All of a value, where a regular expression has matched it: it is not tried again here, where a hostile text could make it take for ever. */
const whole: Finder = (text) => [[0, text.length]];

// ------------------------------------------------------------------------------------------------ signatures

/** The options of a signature, in order: `content:"a"` is `["content", "\"a\""]`. */
export function optionsOf(text: string): [name: string, value: string][] {
  const open = text.indexOf("(");
  const options: [string, string][] = [];
  let current = "";
  let quoted = false;
  for (let at = open + 1; open >= 0 && at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (character === "\\") {
      current += character + (text[at + 1] ?? "");
      at += 1;
      continue;
    }
    if (character === '"') quoted = !quoted;
    if (character === ";" && !quoted) {
      const [, name = "", value = ""] = /^\s*([\w.-]+)\s*:?\s*([\s\S]*)$/.exec(current) ?? [];
      options.push([name, value.trim()]);
      current = "";
    } else current += character;
  }
  return options;
}

function ofSignature(text: string): Mark[] {
  const marks: Mark[] = [];
  const options = optionsOf(text);
  let buffer = "";
  for (const [index, [name, value]] of options.entries()) {
    if (value === "" && name.includes(".")) buffer = name;
    if (name === "pkt_data") buffer = "";
    if (value.startsWith("!")) continue;
    if (name === "content") {
      const next = options.slice(index + 1);
      const end = next.findIndex(([each]) => ["content", "pcre"].includes(each));
      const modifiers = (end < 0 ? next : next.slice(0, end)).map(([each]) => each);
      const text = literalOf(value);
      const find = literal([text], { cased: !modifiers.includes("nocase") });
      const fields = FIELDS_OF_BUFFER[buffer];
      if (fields) for (const field of fields) marks.push({ field, find });
      else if (text.length >= ANYWHERE_CHARACTERS_MIN) marks.push({ field: null, find });
    }
    if (name === "pcre")
      for (const field of FIELDS_OF_BUFFER[buffer] ?? []) marks.push({ field, find: whole });
  }
  return marks;
}

/** The text of a `content`, with what it writes in hexadecimal. */
function literalOf(value: string): string {
  const inner = /^"([\s\S]*)"$/.exec(value)?.[1] ?? "";
  return inner
    .replace(/\|([\dA-Fa-f\s]*)\|/g, (_, digits: string) =>
      digits
        .trim()
        .split(/\s+/)
        .filter(Boolean)
        .map((pair) => String.fromCharCode(Number.parseInt(pair, 16)))
        .join(""),
    )
    .replace(/\\(.)/g, "$1");
}

// ----------------------------------------------------------------------------------------------------- Sigma

async function ofSigma(alert: AlertDetail): Promise<Mark[]> {
  if (!alert.rule_text.includes("detection:")) return [];
  const { parse } = await import("yaml");
  const marks: Mark[] = [];
  try {
    const rule: unknown = parse(alert.rule_text);
    const detection = isRecord(rule) ? rule.detection : null;
    if (!isRecord(detection)) return [];
    for (const [name, selection] of Object.entries(detection))
      if (name !== "condition" && name !== "timeframe") walk(selection, marks);
  } catch {
    // The pipeline has read it; what only this reader cannot read is not marked.
  }
  return marks;
}

function walk(selection: unknown, marks: Mark[]): void {
  if (Array.isArray(selection)) for (const each of selection) walk(each, marks);
  else if (isRecord(selection))
    for (const [key, values] of Object.entries(selection)) {
      const [field = "", ...modifiers] = key.split("|");
      for (const value of [values].flat()) {
        const find = sigmaFinder(value, modifiers);
        if (find) marks.push({ field, find });
      }
    }
  else if (typeof selection === "string" && selection.length >= ANYWHERE_CHARACTERS_MIN) {
    const find = sigmaFinder(selection, ["contains"]);
    if (find) marks.push({ field: null, find });
  }
}

/** What a value of a detection looks for; none where it is no text, as with networks and comparisons. */
function sigmaFinder(value: unknown, modifiers: readonly string[]): Finder | null {
  if (typeof value !== "string" && typeof value !== "number") return null;
  if (modifiers.includes("re")) return whole;
  const known = ["contains", "startswith", "endswith", "all", "cased", "windash"];
  if (modifiers.some((modifier) => !known.includes(modifier))) return null;
  const pieces = String(value).split("*");
  const [first, last] = [pieces[0] === "", pieces.at(-1) === ""];
  const has = (modifier: string) => modifiers.includes(modifier);
  const wanted = pieces.filter((piece) => piece !== "");
  if (wanted.length === 0 || String(value).includes("?")) return null;
  return literal(wanted, {
    atStart: !(first || has("contains") || has("endswith")),
    atEnd: !(last || has("contains") || has("startswith")),
    cased: has("cased"),
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
