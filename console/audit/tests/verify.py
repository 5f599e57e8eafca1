#!/usr/bin/env python3
"""A second verifier of exports of the audit log, written from docs/audit.md alone; the standard library is all it needs.

    verify.py EXPORT [--key KEY]... [--checkpoints FILE]
    verify.py --many LIST       a line of LIST: EXPORT, key or -, file of checkpoints or -; with tabs

Prints `ok ENTRIES SIGNED`, or what is bad first: `header`, `entry N`, `entries N M`, `checkpoint N`.
"""

import argparse
import base64
import hashlib
import json
import sys

# ---- Ed25519 (RFC 8032, section 5.1, after its own Python)

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(scalar, point):
    out = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            out = add(out, point)
        point = add(point, point)
        scalar >>= 1
    return out


def same(one, other):
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signature(public, message, signature):
    if len(signature) != 64:
        return False
    a, r = point(public), point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return same(times(s, BASE), add(r, times(h, a)))


# ---- notes and checkpoints


class Refused(Exception):
    """What was read is not what it should be."""


def decoded(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused from None
    if base64.b64encode(data).decode() != text:
        raise Refused
    return data


def is_name(name):
    return name != "" and "+" not in name and not any(c.isspace() or not c.isprintable() for c in name)


def parse_key(text):
    name, written_id, key = text.strip().split("+", 2)
    data = decoded(key)
    key_id = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if not is_name(name) or len(data) != 33 or data[0] not in (1, 4) or key_id.hex() != written_id:
        raise Refused
    return name, key_id, data[0], data[1:]


def open_checkpoint(note, keys):
    """(size, root), from a note that the log's own key has signed, when keys are given."""
    if any(c < " " and c != "\n" for c in note):
        raise Refused
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not text or not lines.endswith("\n"):
        raise Refused
    text += "\n"
    signers = set()
    for line in lines[:-1].split("\n"):
        dash, name, encoded = (line.split(" ") + ["", ""])[:3] if line.count(" ") == 2 else ("", "", "")
        if dash != "\u2014" or not is_name(name):
            raise Refused
        data = decoded(encoded)
        if len(data) < 4:
            raise Refused
        for key_name, key_id, algorithm, public in keys:
            if (key_name, key_id) != (name, data[:4]):
                continue
            signed, signature = text.encode(), data[4:]
            if algorithm == 4:
                signed = b"cosignature/v1\ntime %d\n" % int.from_bytes(signature[:8], "big") + signed
                signature = signature[8:]
            if not is_signature(public, signed, signature):
                raise Refused
            signers.add(name)
    lines = text[:-1].split("\n")
    if len(lines) < 3 or "" in lines:
        raise Refused
    origin, size, root = lines[:3]
    if not (size.isascii() and size.isdigit()) or str(int(size)) != size or int(size) >= 2**64:
        raise Refused
    if keys and origin not in signers:
        raise Refused
    root = decoded(root)
    if len(root) != 32:
        raise Refused
    return int(size), root


# ---- the tree


def sha256(data):
    return hashlib.sha256(data).digest()


class Tree:
    """The full subtrees of RFC 6962, as (entries, hash), the largest first."""

    def __init__(self):
        self.size, self.parts = 0, []

    def push(self, leaf):
        self.parts.append((1, leaf))
        self.size += 1
        while len(self.parts) > 1 and self.parts[-1][0] == self.parts[-2][0]:
            count, right = self.parts.pop()
            _, left = self.parts.pop()
            self.parts.append((2 * count, sha256(b"\1" + left + right)))

    def root(self):
        if not self.parts:
            return sha256(b"")
        out = self.parts[-1][1]
        for _, left in reversed(self.parts[:-1]):
            out = sha256(b"\1" + left + out)
        return out


# ---- entries


def written(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parsed(data):
    """JSON that is written in the one way in which it may be."""
    try:
        value = json.loads(data.decode())
        if written(value).encode() != data:
            raise Refused
    except (ValueError, RecursionError):
        raise Refused from None
    return value


def is_integer(value, low, high):
    return type(value) is int and low <= value < high


def check_entry(data):
    entry = parsed(data)
    names = "v seq at_us actor organisation address user_agent action object result detail request".split()
    if type(entry) is not dict or list(entry) != names:
        raise Refused
    actor, thing, detail = entry["actor"], entry["object"], entry["detail"]
    if type(actor) is not dict or list(actor) != ["account", "name", "kind"]:
        raise Refused
    if type(thing) is not dict or list(thing) != ["kind", "id"] or type(detail) is not dict:
        raise Refused
    if list(detail) != sorted(detail, key=str.encode):
        raise Refused
    texts = [entry[name] for name in "organisation address user_agent action request".split()]
    texts += [actor["name"], thing["kind"], thing["id"], *detail.values()]
    account = actor["account"]
    right = (
        all(type(text) is str for text in texts)
        and entry["v"] == 1
        and type(entry["v"]) is int
        and is_integer(entry["seq"], 0, 2**64)
        and is_integer(entry["at_us"], -(2**63), 2**63)
        and (account is None or is_integer(account, -(2**63), 2**63))
        and actor["kind"] in ("person", "nobody", "console", "service")
        and entry["result"] in ("done", "refused", "failed")
    )
    if not right:
        raise Refused
    return entry["seq"]


# ---- the export

LINE_MAX = 256 * 1024 + 256


class Bad(Exception):
    """What is bad first."""


class Export:
    def __init__(self, keys, known):
        self.keys = keys
        self.known = sorted((open_checkpoint(note, keys) for note in known), key=lambda one: -one[0])
        self.header, self.tree, self.last, self.checkpoints, self.vouched = None, Tree(), None, 0, 0

    def line(self, line):
        is_checkpoint = line.startswith(b'{"checkpoint":')
        size = self.tree.size
        where = "header" if self.header is None else f"{'checkpoint' if is_checkpoint else 'entry'} {size}"
        if len(line) > LINE_MAX or not line.endswith(b"\n"):
            raise Bad(where)
        try:
            if self.header is None:
                self.read_header(line[:-1])
            elif is_checkpoint:
                self.read_checkpoint(line[:-1])
            else:
                self.read_entry(line[:-1])
        except Refused:
            raise Bad(where) from None

    def read_header(self, line):
        header = parsed(line)
        if type(header) is not dict or list(header) != ["format", "version", "entries", "checkpoints"]:
            raise Refused
        if header["format"] != "vonggac-audit-export" or header["version"] != 1:
            raise Refused
        if not all(is_integer(header[name], 0, 2**64) for name in ("version", "entries", "checkpoints")):
            raise Refused
        self.header = header
        self.compare()

    def read_entry(self, line):
        expected = self.tree.size
        shape = (line[:9], line[73:83], line[147:157], line[-1:])
        if shape != (b'{"hash":"', b'","root":"', b'","entry":', b"}"):
            raise Refused
        data, leaf = line[157:-1], sha256(b"\0" + line[157:-1])
        if line[9:73] != leaf.hex().encode():
            raise Refused
        seq = check_entry(data)
        if seq == expected - 1 and leaf != self.last:
            raise Bad(f"entry {seq}")
        if seq != expected or self.header["entries"] <= expected:
            raise Refused
        self.tree.push(leaf)
        if line[83:147] != self.tree.root().hex().encode():
            raise Refused
        self.last = leaf
        self.compare()

    def read_checkpoint(self, line):
        value = parsed(line)
        if type(value) is not dict or list(value) != ["checkpoint"] or type(value["checkpoint"]) is not str:
            raise Refused
        size, root = open_checkpoint(value["checkpoint"], self.keys)
        if size > self.tree.size:
            raise Bad(f"entry {self.tree.size}")
        self.checkpoints += 1
        if size < self.tree.size or self.checkpoints > self.header["checkpoints"]:
            raise Refused
        self.vouch(root)

    def compare(self):
        while self.known and self.known[-1][0] == self.tree.size:
            self.vouch(self.known.pop()[1])

    def vouch(self, root):
        size, first = self.tree.size, self.vouched
        if root == self.tree.root():
            self.vouched = size
        elif first < size - 1:
            raise Bad(f"entries {first} {size - 1}")
        elif first == size - 1:
            raise Bad(f"entry {first}")
        else:
            raise Bad(f"checkpoint {size}")

    def finish(self):
        if self.header is None:
            raise Bad("header")
        size = self.tree.size
        if size < self.header["entries"] or self.known:
            raise Bad(f"entry {size}")
        if self.checkpoints < self.header["checkpoints"] or (self.keys and not self.vouched and size):
            raise Bad(f"checkpoint {size}")
        return f"ok {size} {self.vouched}"


def notes_of(path):
    with open(path, "rb") as file:
        return [parsed(line.rstrip(b"\n"))["checkpoint"] for line in file]


def verify(path, keys, checkpoints):
    export = Export([parse_key(key) for key in keys], notes_of(checkpoints) if checkpoints else [])
    try:
        with open(path, "rb") as file:
            for line in file:
                export.line(line)
        return export.finish()
    except Bad as bad:
        return str(bad)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("export", nargs="?")
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--checkpoints")
    parser.add_argument("--many")
    arguments = parser.parse_args()
    if arguments.many:
        with open(arguments.many, encoding="utf-8") as file:
            for line in file:
                path, key, checkpoints = line.rstrip("\n").split("\t")
                print(verify(path, [] if key == "-" else [key], None if checkpoints == "-" else checkpoints))
        return 0
    answer = verify(arguments.export, arguments.key, arguments.checkpoints)
    print(answer)
    return 0 if answer.startswith("ok ") else 1


if __name__ == "__main__":
    sys.exit(main())
