import { useMutation } from "@tanstack/react-query";
import { type Account, api, type PasskeyAnswer, take } from "../api/client";
import { askPasskey } from "../lib/passkey";

async function ask(): Promise<PasskeyAnswer> {
  return askPasskey(await take(api.POST("/api/v1/session/passkey/challenge")));
}

/** Signs in with a passkey. */
export function usePasskeySignIn(onEnter: (account: Account) => void) {
  return useMutation({
    mutationFn: async () => take(api.POST("/api/v1/session/passkey", { body: await ask() })),
    onSuccess: onEnter,
  });
}

/** Unlocks the session with a passkey. */
export function usePasskeyUnlock(onUnlocked: () => void) {
  return useMutation({
    mutationFn: async () => take(api.POST("/api/v1/session/unlock/passkey", { body: await ask() })),
    onSuccess: onUnlocked,
  });
}

/** Confirms with a passkey who sits there. */
export function usePasskeyConfirm(onConfirmed: () => void) {
  return useMutation({
    mutationFn: async () =>
      take(api.POST("/api/v1/session/confirm/passkey", { body: await ask() })),
    onSuccess: onConfirmed,
  });
}
