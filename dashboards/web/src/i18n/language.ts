import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { en } from "./en";
import { Format } from "./format";
import type { Language, Strings } from "./strings";
import { vi } from "./vi";

const STORAGE_KEY = "nhip.language";
const STRINGS: Record<Language, Strings> = { vi, en };

export interface Text {
  language: Language;
  t: Strings;
  f: Format;
}

export function textOf(language: Language): Text {
  return { language, t: STRINGS[language], f: new Format(language, STRINGS[language]) };
}

/** The language chosen before; Vietnamese where none was. */
export function rememberedLanguage(): Language {
  try {
    return localStorage.getItem(STORAGE_KEY) === "en" ? "en" : "vi";
  } catch {
    return "vi";
  }
}

export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(STORAGE_KEY, language);
  } catch {
    // Private windows may refuse storage; the choice then lasts as long as the page.
  }
}

export const TextContext = createContext<Text>(textOf("vi"));

export function useText(): Text {
  return useContext(TextContext);
}

/** What people call a property; its name where nobody named it. */
export function propertyName(t: Strings, property: string): string {
  return t.properties[property] ?? property.replace(/_/g, " ");
}
