import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";
import { startLanguage } from "../i18n";

startLanguage();
// What is waited for comes late on a machine that has much else to do.
configure({ asyncUtilTimeout: 5_000 });
// The test browser has no font loading, which growing text areas wait for.
Object.defineProperty(document, "fonts", { value: new EventTarget() });

afterEach(() => {
  // What stays mounted is rendered anew by each later change of the language.
  cleanup();
  document.body.replaceChildren();
});
