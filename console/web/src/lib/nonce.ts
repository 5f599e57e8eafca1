import { setNonce } from "get-nonce";

/** The nonce of this page, by which the content security policy knows its own style sheets; browsers show it to scripts alone. */
export const nonce =
  document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";

// What locks the scrolling behind a dialog writes a style sheet of its own and asks here.
setNonce(nonce);
