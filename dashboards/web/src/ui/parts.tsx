import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ApiError } from "../api/client";
import { useText } from "../i18n/language";
import { useCity } from "../state/city";
import { useSignal } from "../state/signal";
import { headingCame } from "./focus";
import { Icon } from "./icons";

export function SimulatedBadge() {
  const { t } = useText();
  return (
    <span class="badge badge-simulated" title={t.simulatedLong}>
      {t.simulated}
    </span>
  );
}

/** Why something isn't shown, and a way to try again. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useText();
  const isOurs = error instanceof ApiError && error.status === 0;
  const detail = isOurs ? t.unreachable : error instanceof ApiError ? error.message : String(error);
  return (
    <div class="failure" role="alert">
      <Icon name="warning" />
      <p>
        <strong>{t.failed}.</strong> <span lang={isOurs ? undefined : "en"}>{detail}</span>
      </p>
      {retry && (
        <button type="button" onClick={retry}>
          {t.retry}
        </button>
      )}
    </div>
  );
}

export function Loading() {
  const { t } = useText();
  return (
    <p class="loading">
      <span class="spinner" aria-hidden="true" />
      {t.loading}
    </p>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** What stands where no value is: nothing is said about absence before the newest values are read. */
export function useAbsence(): string {
  const { t } = useText();
  return useSignal(useCity().settled) ? t.noData : t.waiting;
}

/** The heading of a page; takes the focus when the page changes. */
export function Heading({ children }: { children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => headingCame(heading.current as HTMLElement), []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}
