/** Traffic of the journeys' own: UDP datagrams, each a hit of a rule, and captures of them. */

export interface Datagram {
  atMs: number;
  src: string;
  dst: string;
  sport?: number;
  dport: number;
  payload: Buffer;
}

/** What a rule of the journeys looks for, and what its alerts are called. */
export interface Mark {
  sid: number;
  word: string;
  title: string;
}

/** Where marked datagrams go. */
const MARKED_PORT = 9999;

/** A rule for each mark, of high severity: one hit a datagram. */
export function rulesFor(...marks: Mark[]): string {
  const rule = ({ sid, word, title }: Mark) =>
    `alert udp any any -> any ${MARKED_PORT} (msg:"${title}"; content:"${word}"; classtype:web-application-attack; ` +
    `metadata:mitre_tactic_id TA0001, mitre_technique_id T1190, signature_severity Major; sid:${sid}; rev:1;)\n`;
  return marks.map(rule).join("");
}

/** The id that alerts of a mark's rule have. */
export const ruleOf = ({ sid }: Mark): string => `1:${sid}`;

export function marked({ word }: Mark, of: Pick<Datagram, "atMs" | "src" | "dst">): Datagram {
  return { ...of, sport: 40_000, dport: MARKED_PORT, payload: Buffer.from(`journey ${word}`) };
}

/** A question for the address of a name (RFC 1035). */
export function question(name: string, of: Pick<Datagram, "atMs" | "src" | "dst">): Datagram {
  const labels = name.split(".").map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  const head = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const payload = Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
  return { ...of, sport: 41_000, dport: 53, payload };
}

/** A capture file in libpcap's classic format. */
export function pcap(datagrams: readonly Datagram[]): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65_535, 16);
  head.writeUInt32LE(1, 20);
  return Buffer.concat([head, ...datagrams.flatMap(record)]);
}

function record(datagram: Datagram): Buffer[] {
  const bytes = frame(datagram);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(Math.floor(datagram.atMs / 1000), 0);
  head.writeUInt32LE(Math.floor(datagram.atMs % 1000) * 1000, 4);
  head.writeUInt32LE(bytes.length, 8);
  head.writeUInt32LE(bytes.length, 12);
  return [head, bytes];
}

/** Ethernet, IPv4 and UDP, the latter without a checksum, as RFC 768 allows. */
function frame({ src, dst, sport = 40_000, dport, payload }: Datagram): Buffer {
  const ip = Buffer.alloc(28);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(28 + payload.length, 2);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(17, 9);
  ip.set(src.split(".").map(Number), 12);
  ip.set(dst.split(".").map(Number), 16);
  ip.writeUInt16BE(checksum(ip.subarray(0, 20)), 10);
  ip.writeUInt16BE(sport, 20);
  ip.writeUInt16BE(dport, 22);
  ip.writeUInt16BE(8 + payload.length, 24);
  const ethernet = Buffer.from([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
  return Buffer.concat([ethernet, ip, payload]);
}

/** The ones' complement sum of RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
