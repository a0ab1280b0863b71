import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useText } from "../i18n/language";
import { useCity } from "../state/city";
import { href, type PageName, type Route } from "../state/route";
import { useSignal } from "../state/signal";
import { Icon, Logo, type IconName } from "./icons";

const PAGES: { page: PageName; icon: IconName; key: "map" | "devices" | "health" | "deadLetters" }[] = [
  { page: "map", icon: "map", key: "map" },
  { page: "devices", icon: "devices", key: "devices" },
  { page: "health", icon: "health", key: "health" },
  { page: "dead-letters", icon: "letters", key: "deadLetters" },
];

export function Shell({ at, onLanguage, children }: { at: Route; onLanguage: () => void; children: ComponentChildren }) {
  const { t, language } = useText();
  const main = useRef<HTMLElement>(null);
  const skip = (event: Event) => {
    event.preventDefault();
    main.current?.focus();
  };
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skip}>
        {t.skip}
      </a>
      <header class="top">
        <a class="brand" href={href("map")} aria-label={t.appTitle}>
          <Logo />
          <span>{t.appName}</span>
        </a>
        <nav class="nav" aria-label={t.nav.label}>
          {PAGES.map(({ page, icon, key }) => {
            const current = at.page === page || (at.page === "device" && page === "devices");
            return (
              <a key={page} href={href(page)} aria-current={current ? "page" : undefined}>
                <Icon name={icon} />
                <span>{t.nav[key]}</span>
              </a>
            );
          })}
        </nav>
        <div class="top-end">
          <Connection />
          <button type="button" class="quiet" onClick={onLanguage} lang={language === "vi" ? "en" : "vi"} title={t.language.otherLong}>
            <Icon name="language" size={18} />
            <span class="language-long">{t.language.other}</span>
            <span class="language-short" aria-hidden="true">{language === "vi" ? "EN" : "VI"}</span>
          </button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} class={`page page-${at.page}`}>
        {children}
      </main>
    </div>
  );
}

/** What the live connection is doing: a shape, a colour and words; changes are also spoken. */
function Connection() {
  const { t } = useText();
  const { live } = useCity();
  const state = useSignal(live.state);
  const [spoken, speak] = useState("");
  const lost = useRef(false);
  useEffect(() => {
    if (state === "retrying" && !lost.current) {
      lost.current = true;
      speak(t.live.lost);
    } else if (state === "live" && lost.current) {
      lost.current = false;
      speak(t.live.back);
    }
  }, [state, t]);
  return (
    <div class={`connection connection-${state}`} data-state={state}>
      <span class="beat" aria-hidden="true" />
      <span class="connection-text">{t.live[state]}</span>
      <span class="hidden" role="status">
        {spoken}
      </span>
    </div>
  );
}
