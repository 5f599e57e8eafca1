import { afterEach } from "vitest";
import { startLanguage } from "../i18n";

startLanguage();

afterEach(() => {
  document.body.replaceChildren();
});
