/** The fixture is made by `console/audit/tests/browser.rs`. */
import { describe, expect, it } from "vitest";
import { check, isProved, type Proof } from "./proof";
import fixture from "./proofs.fixture.json";

const key = fixture.key;
const proofs = fixture.proofs.map(({ entry, proof, index }) => ({
  given: { entry, proof, key },
  index,
}));
const [longest] = proofs.slice(-1) as [(typeof proofs)[number]];

async function holds(given: Proof, seq: number): Promise<boolean> {
  return isProved(await check(given, seq));
}

it("what the server proves is proved in the browser", async () => {
  expect(proofs.length).toBe(25);
  for (const { given, index } of proofs) expect(await holds(given, index)).toBe(true);
  const found = await check(longest.given, longest.index);
  expect(found).toMatchObject({ index: 12, fingerprint: fixture.fingerprint, signature: "right" });
});

describe("a byte that is another", () => {
  const flipped = (text: string, at: number) => {
    const code = text.charCodeAt(at) ^ 1;
    return text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
  };
  for (const part of ["entry", "proof", "key"] as const) {
    it(`in the ${part} proves nothing`, async () => {
      for (let at = 0; at < longest.given[part].length; at++) {
        const given = { ...longest.given, [part]: flipped(longest.given[part], at) };
        expect(await holds(given, longest.index), `character ${at}`).toBe(false);
      }
    });
  }
});

it("another entry's proof, and one without a key, prove nothing", async () => {
  const [other] = proofs.slice(-2) as [(typeof proofs)[number]];
  expect(await holds({ ...longest.given, proof: other.given.proof }, longest.index)).toBe(false);
  expect(await holds(other.given, longest.index)).toBe(false);
  expect((await check({ ...longest.given, key: null }, longest.index))?.signature).toBe(
    "unknown_key",
  );
});
