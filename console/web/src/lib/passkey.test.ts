import { describe, expect, it } from "vitest";
import { isName, isRefusal, toBytes, toText } from "./passkey";

describe("base64url", () => {
  it("goes and comes back, of every length and byte", () => {
    for (let length = 0; length < 6; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, index) => 255 - index * 51);
      expect([...toBytes(toText(bytes.buffer))]).toEqual([...bytes]);
    }
  });

  it("is that of RFC 4648, section 5, without padding", () => {
    expect(toText(new Uint8Array([0xfb, 0xff, 0xfe]).buffer)).toBe("-__-");
    expect(toText(new Uint8Array([0x66]).buffer)).toBe("Zg");
  });
});

it("a user who would not is no error", () => {
  expect(isRefusal(new DOMException("", "NotAllowedError"))).toBe(true);
  expect(isRefusal(new DOMException("", "SecurityError"))).toBe(false);
  expect(isRefusal(new Error("NotAllowedError"))).toBe(false);
});

it.each([
  ["soc.example", true],
  ["localhost", true],
  ["127.0.0.1", false],
  ["[::1]", false],
])("whether %s can have passkeys: %s", (host, expected) => {
  expect(isName(host)).toBe(expected);
});
