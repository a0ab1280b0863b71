import { slug } from "../domain/search";
import csv from "./base/hcmc_wards.csv?raw";

export interface Ward {
  /** As in topics: `phuong-ben-thanh`. */
  name: string;
  /** As people call it: `Phường Bến Thành`. */
  title: string;
  /** Without its kind: `Bến Thành`. */
  short: string;
  longitude: number;
  latitude: number;
}

const taken = new Set<string>();

export const wards: readonly Ward[] = csv
  .trim()
  .split(/\r?\n/)
  .slice(1)
  .map((line) => {
    const [code = "", title = "", kind = "", latitude, longitude] = line.split(",");
    // `Xã Thạnh An` and `Xã Thanh An` differ only in what a name can't have.
    const name = taken.has(slug(title)) ? `${slug(title)}-${code}` : slug(title);
    taken.add(name);
    return {
      name,
      title,
      short: title.startsWith(kind) ? title.slice(kind.length).trim() : title,
      longitude: Number(longitude),
      latitude: Number(latitude),
    };
  });

const TITLES = new Map(wards.map((ward) => [ward.name, ward.title]));

/** What people call a place; its name where the base map doesn't have it. */
export function placeTitle(name: string): string {
  return TITLES.get(name) ?? name;
}
