// The shapes of the public API, as the OpenAPI document describes them.

export type Quality = "good" | "suspect" | "calibrating" | "maintenance" | "fault" | "missing";

/** One page of a list; `next` is absent on the last. */
export interface Page<T> {
  items: T[];
  next?: string;
}

export interface Point {
  type: "Point";
  /** Longitude first. */
  coordinates: [number, number];
}

export interface Datastream {
  name: string;
  property: string;
  /** UCUM. */
  unit: string;
  range?: Range | null;
  /** Names of codes, where the value is a category. */
  categories?: Record<string, string>;
}

/** The values that an instrument can give, in the datastream's unit. */
export interface Range {
  min: number;
  max: number;
}

export interface Device {
  name: string;
  title?: string | null;
  place?: string | null;
  position?: Point | null;
  simulated: boolean;
  registered?: string;
  retired?: string | null;
  last_seen?: string | null;
  status?: string | null;
  datastreams: Datastream[];
}

/** A normalised reading: from `/latest`, `/readings` and the live feed. */
export interface Reading {
  device: string;
  datastream: string;
  property?: string;
  place?: string | null;
  time: string;
  received: string;
  /** Null where the instrument gave nothing. */
  value: number | null;
  unit: string;
  quality: Quality;
  boot?: number | null;
  seq?: number | null;
  /** `arrival` where the device gave no time of its own. */
  time_source?: "device" | "arrival";
  /** Of the newest and of live readings only. */
  simulated?: boolean;
}

export interface Bucket {
  time: string;
  count: number;
  min: number;
  mean: number;
  max: number;
  last: number;
}

export interface Series {
  device: string;
  datastream: string;
  unit: string;
  property: string;
  from: string;
  to: string;
  /** Seconds that one bucket covers. */
  bucket_s: number;
  items: Bucket[];
}

export interface Reconciliation {
  received: number;
  stored: number;
  duplicate: number;
  rejected: number;
  pending: number;
  unread: number;
}

export interface DeviceReconciliation extends Reconciliation {
  device: string;
}

export interface DeadLetter {
  id: number;
  received: string;
  device?: string | null;
  topic: string;
  reason: string;
  detail: string;
  readings: number;
  /** The payload, where it is UTF-8. */
  payload: string | null;
  payload_base64: string;
  replayed?: string | null;
}

export interface ReplayOutcome {
  replayed: number;
  /** When the fold has come so far in the log, the figures show what became of them. */
  until_offset: number;
}

/** How the platform is, all of one moment. */
export interface Health {
  time: string;
  ready: Ready;
  lag: Lag;
  log: LogFigures;
  store: StoreFigures;
  counts: Counts;
  reconciliation: Reconciliation;
}

export interface Ready {
  ready: boolean;
  parts: Record<string, ReadyPart>;
}

export interface Lag {
  records: number;
  seconds: number;
  store_unavailable: boolean;
}

export interface LogFigures {
  bytes: number;
  /** One after the newest record. */
  end_offset: number;
  stalled: boolean;
  failed: boolean;
}

export interface StoreFigures {
  bytes: number;
  open_readings: number;
}

export interface Counts {
  devices: number;
  datastreams: number;
  live_subscribers: number;
}

export interface ReadyPart {
  ready: boolean;
  detail?: string;
}

/** RFC 9457. */
export interface Problem {
  title?: string;
  status?: number;
  detail?: string;
}
