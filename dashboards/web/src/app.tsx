import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { rememberLanguage, rememberedLanguage, textOf, TextContext } from "./i18n/language";
import { DeadLettersPage } from "./pages/dead-letters";
import { DevicePage } from "./pages/device";
import { DevicesPage } from "./pages/devices";
import { HealthPage } from "./pages/health";
import { MapPage } from "./pages/map";
import { CityContext, type City } from "./state/city";
import { chooseProperty } from "./state/property";
import { route, type Route } from "./state/route";
import { useSignal } from "./state/signal";
import { ALL } from "./state/subject";
import { focusHeading } from "./ui/focus";
import { Shell } from "./ui/shell";

export function App({ city }: { city: City }) {
  const [language, setLanguage] = useState(rememberedLanguage);
  const text = useMemo(() => textOf(language), [language]);
  const at = useSignal(route);
  useEffect(() => {
    document.documentElement.lang = language;
    rememberLanguage(language);
  }, [language]);
  useFollowing(city, at);
  useTitle(at, text.t.appTitle, titleOf(at, text.t));
  return (
    <CityContext.Provider value={city}>
      <TextContext.Provider value={text}>
        <Shell at={at} onLanguage={() => setLanguage(language === "vi" ? "en" : "vi")}>
          <Page at={at} />
        </Shell>
      </TextContext.Provider>
    </CityContext.Provider>
  );
}

function Page({ at }: { at: Route }) {
  switch (at.page) {
    case "map":
      return <MapPage />;
    case "devices":
      return <DevicesPage />;
    case "device":
      return <DevicePage key={at.device} name={at.device} query={at.query} />;
    case "health":
      return <HealthPage />;
    case "dead-letters":
      return <DeadLettersPage query={at.query} />;
  }
}

/** The feed carries what the page shows: one device, or the chosen property of all, or everything. */
function useFollowing(city: City, at: Route): void {
  const property = useSignal(city.property);
  const loaded = useSignal(city.loaded);
  const changes = useSignal(city.fleet.devices);
  useEffect(() => {
    if (loaded) chooseProperty(city, at.query.get("property"));
  }, [city, at, loaded, changes]);
  useEffect(() => {
    if (at.page === "device") city.follow({ device: at.device });
    else if (property && property !== ALL) city.follow({ property });
    else city.follow({});
  }, [city, at.page, at.device, property]);
}

/** A new page has its name in the title bar and the focus on its heading, as after a load. */
function useTitle(at: Route, app: string, title: string): void {
  const before = useRef(`${at.page}/${at.device}`);
  useEffect(() => {
    document.title = title ? `${title} · ${app}` : app;
    const now = `${at.page}/${at.device}`;
    if (before.current === now) return;
    before.current = now;
    window.scrollTo(0, 0);
    focusHeading();
  }, [at.page, at.device, app, title]);
}

function titleOf(at: Route, t: ReturnType<typeof textOf>["t"]): string {
  const titles = { map: t.nav.map, devices: t.nav.devices, device: at.device, health: t.health.title, "dead-letters": t.dead.title };
  return titles[at.page];
}
