import { afterEach } from "vitest";
import { startLanguage } from "../i18n";

startLanguage();
// The test browser has no font loading, which growing text areas wait for.
Object.defineProperty(document, "fonts", { value: new EventTarget() });

afterEach(() => {
  document.body.replaceChildren();
});
