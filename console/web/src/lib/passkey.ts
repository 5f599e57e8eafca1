/** Passkeys: between the browser's own interface, which wants bytes, and the server's, which has base64url. */
import type { PasskeyAnswer, PasskeyChallenge, PasskeyOffer } from "../api/client";

export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export function toText(buffer: ArrayBuffer): string {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Passkeys belong to a name; browsers give none to bare addresses. */
export function isName(host: string): boolean {
  return !/^[\d.]+$/.test(host) && !host.includes(":");
}

/** Whether this browser, on this page's address, can have passkeys at all. */
export function canHavePasskeys(): boolean {
  const hasThem = typeof PublicKeyCredential === "function" && globalThis.isSecureContext;
  return hasThem && isName(location.hostname);
}

/** The user was not there, would not, or has no passkey here: no fault of anybody's. */
export function isRefusal(error: unknown): boolean {
  return error instanceof DOMException && ["NotAllowedError", "AbortError"].includes(error.name);
}

/** The authenticator holds one of the account's passkeys already. */
export function isKnown(error: unknown): boolean {
  return error instanceof DOMException && error.name === "InvalidStateError";
}

/** Lets the browser make a passkey. */
export async function createPasskey(offer: PasskeyOffer) {
  const credential = await navigator.credentials.create({
    publicKey: {
      challenge: toBytes(offer.challenge),
      rp: { id: offer.site, name: "Vọng Gác" },
      user: {
        id: toBytes(offer.user_handle),
        name: offer.user_name,
        displayName: offer.display_name,
      },
      pubKeyCredParams: offer.algorithms.map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: offer.known.map((id) => ({ type: "public-key", id: toBytes(id) })),
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      attestation: "none",
      timeout: offer.timeout_ms,
    },
  });
  const made = credential as PublicKeyCredential;
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    client_data: toText(response.clientDataJSON),
    attestation_object: toText(response.attestationObject),
  };
}

/** Lets the user choose a passkey and answer with it. */
export async function askPasskey(asked: PasskeyChallenge): Promise<PasskeyAnswer> {
  const credential = await navigator.credentials.get({
    publicKey: {
      challenge: toBytes(asked.challenge),
      rpId: asked.site,
      userVerification: "required",
      timeout: asked.timeout_ms,
    },
  });
  const given = credential as PublicKeyCredential;
  const response = given.response as AuthenticatorAssertionResponse;
  return {
    credential_id: toText(given.rawId),
    client_data: toText(response.clientDataJSON),
    authenticator_data: toText(response.authenticatorData),
    signature: toText(response.signature),
  };
}
