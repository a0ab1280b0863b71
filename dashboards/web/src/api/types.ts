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
  range?: { min: number; max: number } | null;
  /** Names of codes, where the value is a category. */
  categories?: Record<string, string> | null;
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
  /** Absent or null where the instrument gave nothing. */
  value?: number | null;
  unit: string;
  quality: Quality;
  boot?: number | null;
  seq?: number | null;
  /** `arrival` where the device gave no time of its own. */
  time_source?: "device" | "arrival";
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
  /** Seconds that one bucket covers. */
  bucket_s?: number;
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
  id: number | string;
  received: string;
  device?: string | null;
  topic: string;
  reason: string;
  detail: string;
  readings: number;
  /** The payload, where it is text. */
  payload?: string | null;
  /** The payload in base64, where it isn't. */
  payload_base64?: string | null;
  replayed?: string | null;
}

export interface ReplayOutcome {
  replayed: number;
}

export interface ReadyPart {
  ready: boolean;
  detail?: string;
}

/** RFC 9457. */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
}
